"""Record how the real TFBertTokenizer cuts texts; runs where make_tf_fixtures.py does."""

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import tf_strings  # noqa: E402
from transformers import TFBertTokenizer  # noqa: E402


def told(ask):
    try:
        found = ask()
    except Exception as error:
        print(type(error).__name__, str(error)[:100].replace("\n", " "))
        return {"error": type(error).__name__}
    return [[name, value.dtype.name, value.numpy().tolist()] for name, value in found.items()]


def main():
    kept = {}
    for name, options in tf_strings.OPTIONS.items():
        lower, built, called, _ = options
        tokenizer = TFBertTokenizer(tf_strings.PIECES, lower, **built)
        found = {key: value.numpy() for key, value in tokenizer(*tf_strings.arguments(options), **called).items()}
        ids, pad = found["input_ids"], tokenizer.pad_token_id
        mask = found.get("attention_mask")
        rows = [row[: mask[i].sum()].tolist() if mask is not None else row.tolist() for i, row in enumerate(ids)]
        kept[name] = {"keys": list(found), "width": ids.shape[1], "pad": pad, "rows": rows}
        if "token_type_ids" in found:
            kept[name]["types"] = [sum(x == 1 for x in row[: len(ids)]) for row, ids in zip(
                found["token_type_ids"].tolist(), rows)]  # fmt: skip
            kept[name]["type_padding"] = int(found["token_type_ids"][0, -1])
    tokenizer = TFBertTokenizer(tf_strings.PIECES, True)
    for name, (args, kwargs) in tf_strings.CALLS.items():
        print(name, end=" ")
        kept[f"call/{name}"] = told(lambda args=args, kwargs=kwargs: tokenizer(*args, **kwargs))
        print()
    for name, (args, kwargs) in tf_strings.CONSTRUCTORS.items():
        print(name, end=" ")
        kept[f"new/{name}"] = told(lambda args=args, kwargs=kwargs: TFBertTokenizer(*args, **kwargs)(["hello a"]))
        print()
    kept["config"] = {key: value for key, value in tokenizer.get_config().items() if key != "vocab_list"}
    (HERE / "tf_tokens.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
    print((HERE / "tf_tokens.json").stat().st_size // 1024, "kB")


if __name__ == "__main__":
    main()
