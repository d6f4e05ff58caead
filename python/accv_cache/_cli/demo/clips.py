"""Video clips for the demo: made by PyAV, and decoded by it."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import av
from av.video.frame import VideoFrame

_WIDTH, _HEIGHT, _FRAMES, _RATE = 640, 352, 16, 24


class _Recipe(NamedTuple):
    name: str
    encoder: Literal["libx264", "libx265"]


_RECIPES = (
    _Recipe("h264-1.mp4", "libx264"),
    _Recipe("h264-2.mp4", "libx264"),
    _Recipe("h264-3.mkv", "libx264"),
    _Recipe("hevc-1.mp4", "libx265"),
    _Recipe("hevc-2.mkv", "libx265"),
)
_OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "4"},
    "libx265": {"preset": "ultrafast", "crf": "4", "x265-params": "log-level=none"},
}
COUNT = len(_RECIPES)


def make_clips(directory: Path) -> Iterator[Path]:
    """Encode the clips one by one. They show noise, which needs several MB per second."""
    texture = random.randbytes(4 * _WIDTH * _HEIGHT)  # noqa: S311 - a picture, not a secret
    for name, encoder in _RECIPES:
        path = directory / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(encoder, rate=_RATE, options=_OPTIONS[encoder])
            stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
            for _ in range(_FRAMES):
                container.mux(stream.encode(_picture(texture)))
            container.mux(stream.encode(None))
        yield path


def decode(path: Path) -> None:
    """Decode every frame, as training does."""
    with av.open(str(path), "r") as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass


def _picture(texture: bytes) -> VideoFrame:
    """A frame whose planes show different parts of the texture."""
    frame = VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
    for plane in frame.planes:
        start = random.randrange(len(texture) - plane.buffer_size)  # noqa: S311 - see above
        plane.update(texture[start : start + plane.buffer_size])
    return frame
