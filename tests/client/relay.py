"""A transport that passes a client's requests to a running application, without sockets."""

import httpx

_OF_CODING = {"content-encoding", "content-length"}  # which has been undone


class Relay(httpx.AsyncBaseTransport):
    """Passes requests on, each answered as a whole."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.api.request(
            request.method,
            request.url.raw_path.decode(),
            content=await request.aread(),
            headers=[each for each in request.headers.multi_items() if each[0] != "host"],
        )
        headers = [
            (name, value) for name, value in answer.headers.multi_items() if name not in _OF_CODING
        ]
        return httpx.Response(answer.status_code, content=answer.content, headers=headers)
