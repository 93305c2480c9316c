"""Settings and files that the tests of recipes share."""

import gzip
import json

ONE_STEP = {"steps": 1, "precision": "float32", "max_length": 32, "lora": {"rank": 2, "alpha": 4}}  # of an adapter


def put(folder, name, rows):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
