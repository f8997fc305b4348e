"""The looks of the pages: catalogues, formats and charts."""
