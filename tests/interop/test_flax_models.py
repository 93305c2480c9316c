"""The Flax family against what Flax 0.7.0 and transformers 4.37.2 answered to the same calls (flax_cases.py)."""

import json
import warnings

import numpy as np
import pytest

pytest.importorskip("jax")

import flax_cases

import bertlab
import bertlab.jax


@pytest.fixture(scope="module")
def found(kept):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return flax_cases.answers(bertlab.jax, kept / "flax")


@pytest.fixture(scope="module")
def expected(kept):
    answers = json.loads((kept / "flax" / "answers.json").read_text())
    with np.load(kept / "flax" / "answers.npz") as arrays:
        for key in arrays.files:
            case, name = key.split("|")
            answers[case].setdefault("arrays", {})[name] = arrays[key]
    return answers


@pytest.mark.parametrize("model", flax_cases.MODELS)
def test_every_answer_is_that_of_flax(model, found, expected):
    cases = [case for case in expected if case.startswith(f"{model}: ")]
    assert cases and {case for case in found if case.startswith(f"{model}: ")} == set(cases)
    for case in cases:
        theirs, ours = expected[case], found[case]
        assert ("error" in ours) == ("error" in theirs), (case, ours.get("error"), theirs.get("error"))
        if "error" in theirs:
            assert set(theirs["error"]) <= set(ours["error"]), (case, ours, theirs)
            continue
        assert ours["kind"] == theirs["kind"], case
        assert ours["keys"] == theirs["keys"], case
        assert list(ours["arrays"]) and set(ours["arrays"]) == set(theirs["arrays"]), case
        tolerance = 0.05 if "half" in case or "bfloat16" in case else 1e-5
        for name, value in theirs["arrays"].items():
            np.testing.assert_allclose(
                ours["arrays"][name].astype("f4"), value, atol=tolerance, rtol=1e-5, err_msg=f"{case}, {name}"
            )
