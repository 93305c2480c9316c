"""What a recording shows of itself in a notebook's cell."""

import base64
import re
import struct
import zlib

import pytest
import torch

from bertlab.recording import Recording
from bertlab.recording.pictures import MOST_LISTED, picture, summary


def pixels(data):
    """Width, height and the palette's numbers, row by row, of a PNG as these are written."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + size
    width, height, bits = struct.unpack(">IIB", chunks[b"IHDR"][:9])
    assert len(chunks[b"PLTE"]) == 3 * 2**bits and len(chunks[b"tRNS"]) == 2**bits
    raw, stride = zlib.decompress(chunks[b"IDAT"]), 1 + -(-width * bits // 8)
    rows = [raw[row * stride + 1 : (row + 1) * stride] for row in range(height)]
    return [[row[x * bits // 8] >> (8 - bits - x * bits % 8) & (2**bits - 1) for x in range(width)] for row in rows]


def drawn(html):
    return [pixels(base64.b64decode(found)) for found in re.findall(r"base64,([^\"]+)", html)]


def base_sized(layers=12, tokens=37):
    """As many values, as large, as of a BERT-base."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape):
        return torch.randn(*shape, generator=generator)

    values = {"embeddings.output": noise(1, tokens, 768)}
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        values |= {f"{at}.attention.self.{name}": noise(1, 12, tokens, 64) for name in ("q", "k", "v", "context")}
        values |= {f"{at}.attention.self.{name}": noise(1, 12, tokens, tokens) for name in ("scores", "probs")}
        values |= {
            f"{at}.{name}": noise(1, tokens, 768)
            for name in ("attention.output.projected", "output.sum", "x", "hidden")
        }
        values |= {f"{at}.intermediate.{name}": noise(1, tokens, 3072) for name in ("preactivation", "activated")}
    return Recording(values, tokens=["<b>bold</b>", *["token"] * (tokens - 1)])


def test_a_recording_of_a_bert_base_is_small_has_a_picture_of_every_value_and_no_script():
    recording = base_sized()
    page = recording._repr_html_()
    assert len(page.encode()) <= 100_000
    assert len(drawn(page)) == len(recording)
    assert "<script" not in page and "<b>bold" not in page and "&lt;b&gt;bold" in page
    assert not re.findall(r"(?:href|src)=\"(?!data:image/png)", page) and "<style" not in page
    assert page.count("<details>") == page.count("</details>") == 13
    assert repr(recording) in page


def test_names_and_tokens_that_are_markup_are_only_text():
    page = Recording({"<img src=x onerror=alert(1)>.0.\"'": torch.ones(2, 2)}, tokens=["</div><script>"])._repr_html_()
    assert "<img src=x" not in page and "<script" not in page and "&lt;img" in page


def test_the_picture_is_the_value():
    value = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, -1.0]])
    ((top, bottom),) = drawn(picture(value, 40_000))
    assert top == [0, 15, 0] and bottom == [8, 0, 15]  # how far from zero, in either direction
    (small,) = drawn(picture(torch.eye(64), 600))
    assert len(small) < 64 and all(small[at][at * len(small[0]) // len(small)] > 0 for at in range(len(small)))


def test_heads_stand_beside_each_other():
    value = torch.zeros(1, 4, 3, 3)
    value[0, 2] = 1
    (sheet,) = drawn(picture(value, 6000))
    assert sum(level > 0 for row in sheet for level in row) == 9 and len(sheet[0]) > 3


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor(3.0), torch.zeros(0, 4), torch.arange(7), torch.ones(2, 3, dtype=torch.bool), torch.ones(5).half(),
        torch.full((3, 3), float("nan")), torch.ones(1, 2, 3, 4, 5), torch.ones(3, 4, requires_grad=True),
        torch.zeros(1, 1), torch.ones(1, 100_000), torch.ones(100_000, 1),
    ],
)  # fmt: skip
def test_values_of_every_kind_are_shown(value):
    page = Recording({"a.0.value": value})._repr_html_()
    assert "a.0" in page and len(page) < 20_000


def test_what_is_masked_or_no_number_is_counted_apart():
    value = torch.tensor([1.0, 3.0, float("-inf"), torch.finfo(torch.float32).min, float("nan")])
    assert summary(value) == "2 ± 1, 1 to 3, 3 masked or no number"
    assert summary(torch.zeros(0)) == "empty"


def test_very_many_values_stay_small_and_what_is_left_out_is_counted():
    page = Recording({f"layer.{number}.{'long' * 20}": torch.ones(9, 9) for number in range(3000)})._repr_html_()
    assert len(page.encode()) <= 100_000 and re.search(r"and 2,\d+ more values", page)
    page = Recording({f"layer.{number}.x": torch.ones(9, 9) for number in range(3000)})._repr_html_()
    assert len(page.encode()) <= 100_000 and f"and {3000 - MOST_LISTED:,} more values" in page


def test_an_empty_recording_and_a_batch_of_texts_are_shown():
    assert "0 values" in Recording()._repr_html_()
    page = Recording({"x": torch.ones(2, 3, 4)}, tokens=[["one", "two"], ["three"]])._repr_html_()
    assert "one two" in page and "three" not in page


def test_one_value_can_be_asked_for_by_its_name():
    recording = base_sized(layers=1)
    shown = recording.picture("encoder.layer.0.attention.self.probs")
    assert "1 × 12 × 37 × 37" in shown._repr_html_() and "Picture of encoder.layer.0" in repr(shown)
    (sheet,) = drawn(shown._repr_html_())
    assert len(sheet) >= 3 * 37
    with pytest.raises(KeyError, match="was not recorded"):
        recording.picture("probs")
