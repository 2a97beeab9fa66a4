"""httpx transports that read each response to its end, within a deadline and up to a size."""

from __future__ import annotations

import asyncio
import zlib

import httpx

from contactkit._http.content import Content, TooLong
from contactkit._http.deadline import deadline


class BoundedTransport(httpx.BaseTransport):
    """Reads the responses of another transport; see `bounded_response`."""

    def __init__(self, transport: httpx.BaseTransport, limit: int) -> None:
        self._transport = transport
        self._limit = limit

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with deadline(request.extensions.get("timeout", {}).get("read")):
            response = self._transport.handle_request(request)
            content = Content(response.headers.get("content-encoding", ""), self._limit)
            stream = response.stream
            assert isinstance(stream, httpx.SyncByteStream)
            try:
                for chunk in stream:
                    content.add(chunk)
                return bounded_response(response, content, content.whole())
            except TooLong:
                return bounded_response(response, content, None)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            finally:
                stream.close()

    def close(self) -> None:
        self._transport.close()


class AsyncBoundedTransport(httpx.AsyncBaseTransport):
    """The same for an async transport, whose requests have started before they connect."""

    def __init__(self, transport: httpx.AsyncBaseTransport, limit: int) -> None:
        self._transport = transport
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except TimeoutError:
            raise httpx.ReadTimeout("the response takes too long") from None

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        content = Content(response.headers.get("content-encoding", ""), self._limit)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        try:
            async for chunk in stream:
                content.add(chunk)
            return bounded_response(response, content, content.whole())
        except TooLong:
            return bounded_response(response, content, None)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from None
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()


def bounded_response(
    response: httpx.Response, content: Content, whole: bytes | None
) -> httpx.Response:
    """The response with its decoded content; without one it is marked as `too_long`."""
    headers = response.headers
    if content.decoded:
        del headers["content-encoding"]
    return httpx.Response(
        response.status_code,
        headers=headers,
        stream=httpx.ByteStream(whole or b""),
        extensions={**response.extensions, "too_long": whole is None},
    )
