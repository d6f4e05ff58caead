"""Real video clips, and the digests of their frames."""

import hashlib
import random
from pathlib import Path
from typing import Literal

import av
from av.video.frame import VideoFrame

Codec = Literal["libx264", "libx265"]


def encode(
    path: Path,
    codec: Codec = "libx264",
    frames: int = 24,
    size: tuple[int, int] = (640, 352),
    seed: int = 0,
) -> Path:
    """Encode a clip of noise, which hardly compresses: 3 MB in about a second.

    Args:
        path: where to; its suffix chooses the container (.mp4, .mkv).
        codec: H.264 or HEVC.
        frames: how many, at 24 a second.
        size: width and height in pixels, multiples of 32 so that no row is padded.
        seed: the same seed gives the same pictures.
    """
    width, height = size
    noise = random.Random(seed)
    texture = noise.randbytes(4 * width * height)
    options = {"preset": "ultrafast", "crf": "28"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            frame = VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                start = noise.randrange(len(texture) - plane.buffer_size)
                plane.update(texture[start : start + plane.buffer_size])
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode_digests(path: Path) -> tuple[str, ...]:
    """Decode the clip: one digest of the pixels per frame."""
    with av.open(str(path)) as container:
        return tuple(_digest(frame) for frame in container.decode(video=0))


def _digest(frame: VideoFrame) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for plane in frame.planes:
        pixels = memoryview(plane)
        # Rows are padded to line_size, and the padding may hold anything.
        for row in range(plane.height):
            start = row * plane.line_size
            digest.update(pixels[start : start + plane.width])
    return digest.hexdigest()
