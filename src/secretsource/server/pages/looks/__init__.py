"""The looks of the pages: numbers and times as the reader writes them, charts, colours and templates."""
