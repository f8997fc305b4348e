"""A shop with gRPC: python examples/grpc_app.py, and in another shell the command that it prints."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from secretsource.integrations.grpc import ApiKeyInterceptor, current_key, require_key
from secretsource.issuing import ApiKeys


class Shop:  # with generated code: class Shop(ShopServicer), and messages in place of bytes
    def Health(self, _: bytes, __: grpc.ServicerContext) -> bytes:
        return b"well"

    @require_key("invoices:read")
    def Invoices(self, _: bytes, __: grpc.ServicerContext) -> bytes:
        key = current_key()
        return key.owner.encode() if key else b""

    @require_key("reports:make", cost=10)
    def Reports(self, _: bytes, __: grpc.ServicerContext) -> bytes:
        return b"a report"


def serve(port: int) -> None:
    """Serve until you press Ctrl-C."""
    keys = ApiKeys.open("memory://")
    shop, api_keys = Shop(), ApiKeyInterceptor(keys, exempt=["/shop.Shop/Health"])
    methods = {
        name: grpc.unary_unary_rpc_method_handler(getattr(shop, name)) for name in ("Health", "Invoices", "Reports")
    }
    api_keys.check("shop.Shop", methods)
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[api_keys])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"API_KEY={key} PORT={port} python {__file__} Invoices", flush=True)
    server.wait_for_termination()


def call(port: int, method: str, key: str | None) -> None:
    """Call a method, and print its answer with the trailing metadata, or its refusal."""
    metadata = [] if key is None else [("authorization", f"Bearer {key}")]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            answer, ended = channel.unary_unary(f"/shop.Shop/{method}").with_call(b"", metadata=metadata)
        except grpc.RpcError as refusal:
            sys.exit(f"{refusal.code().name}: {refusal.details()}")
        print(answer.decode(), *(f"{name}: {value}" for name, value in ended.trailing_metadata()), sep="\n")


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    if sys.argv[1:]:
        call(port, sys.argv[1], os.environ.get("API_KEY"))
    else:
        serve(port)
