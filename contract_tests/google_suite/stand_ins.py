"""The data files that Google's tests open and the wheel lacks: made here, small and valid, of the same names."""

import wave
from pathlib import Path

from PIL import Image

IMAGES = (
    "a-man-and-a-dog.png",
    "bridge1.png",
    "checkerboard.png",
    "dog.jpg",
    "google.jpg",
    "google.png",
    "google_homepage.png",
    "google_small.png",
    "man.jpg",
    "segmentation_scribble.jpg",
    "skateboard_stop_sign.jpg",
)
FILM_BOXES = b"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom\x00\x00\x00\x08free"


def write_stand_ins(folder: Path) -> None:
    """Write the files into this folder."""
    folder.mkdir(exist_ok=True)
    picture = Image.new("RGB", (64, 64), "teal")
    for name in IMAGES:
        picture.save(folder / name)
    picture.save(folder / "story.pdf")
    (folder / "story.txt").write_text("Once upon a time there was a test.\n")
    for name in ("animal.mp4", "pixel.m4a"):
        (folder / name).write_bytes(FILM_BOXES)
    with wave.open(str(folder / "voice_sample.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
