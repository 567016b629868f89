"""A transport that passes a client's requests to a running application, without sockets."""

import httpx


class Relay(httpx.AsyncBaseTransport):
    """Passes requests on, each answered as a whole."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.api.request(
            request.method,
            request.url.raw_path.decode(),
            content=await request.aread(),
            headers={"content-type": request.headers.get("content-type", "")},
        )
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)
