"""From a name or a path to a local folder: a folder, the shipped model, or a model of the Hugging Face Hub.

Everything here deals in files, not in tensors. `resolve` downloads no more than what was asked for, checks
every file name that a downloaded file mentions, and says in one sentence what is missing and what to do.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from bertlab.files.whole import read_json

SHIPPED_FOLDER = Path(__file__).parent.parent / "shipped"

TOKENIZER_FILES = (
    "tokenizer_config.json",
    "vocab.txt",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
FILE_KINDS = ("config", "tokenizer", "weights")
FOREIGN_WEIGHTS = {
    "tf_model.h5": "TensorFlow",
    "flax_model.msgpack": "Flax",
    "bert_model.ckpt.index": "TensorFlow 1",
    "model.ckpt.index": "TensorFlow 1",
}

logger = logging.getLogger(__name__)


class ModelNotFoundError(FileNotFoundError, LookupError):
    """A name or path that leads to no usable model; an `OSError`, as the documented classes raise."""


def shipped_models() -> list[str]:
    """The names of the models inside this package, which `resolve` finds without any network."""
    if not SHIPPED_FOLDER.is_dir():
        return []
    return sorted(folder.name for folder in SHIPPED_FOLDER.iterdir() if (folder / "config.json").is_file())


def resolve(
    name_or_path: str | os.PathLike,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    proxies: Mapping[str, str] | None = None,
    subfolder: str = "",
    variant: str | None = None,
    use_safetensors: bool | None = None,
    files: str | Iterable[str] = FILE_KINDS,
) -> Path:
    """The local folder that holds a model's files.

    Tried in this order: an existing folder; the name of a shipped model (`shipped_models()`); a name on the
    Hugging Face Hub, such as "bert-base-uncased", whose files come from its cache or are downloaded into it.
    What looks like a path ("./x", "/x", "~/x", "x/") is never looked for on the Hub.

    `revision` is a branch, tag or commit of the Hub; `token` an access token, True for the saved one, False
    for none; `local_files_only` (or HF_HUB_OFFLINE=1) uses the cache alone; `variant="fp16"` asks for
    `model.fp16.safetensors`; `use_safetensors` True or False rules out the other weight format.
    `files` says what is needed: any of "config", "tokenizer", "weights". Weights of other frameworks are
    never downloaded. `proxies` is for huggingface_hub before 1.0; later ones read HTTPS_PROXY.

    Raises `ModelNotFoundError` (an OSError) when there is no such model or it lacks a needed file,
    `PermissionError` when the Hub refuses access, `ConnectionError` when it cannot be reached and the cache
    does not help, ValueError or TypeError for arguments that cannot be meant.
    """
    kinds = _check_kinds(files)
    _check_plain_names(subfolder=subfolder, revision=revision, variant=variant)
    is_path_object = isinstance(name_or_path, os.PathLike)
    name = os.fspath(name_or_path) if is_path_object else name_or_path
    if not isinstance(name, str):
        raise TypeError(
            f"A model is given by a name or a path, not by {type(name).__name__}; "
            'pass a string such as "bertlab-mini" or a folder.'
        )
    if not name.strip() or "\0" in name:
        raise ValueError(f'{name!r} is no model name or path; pass one such as "bertlab-mini" or "./folder".')

    folder = Path(name).expanduser()
    if folder.is_dir():
        return _inner_folder(folder, subfolder)
    if os.path.lexists(folder):
        raise NotADirectoryError(
            f"{str(folder)!r} is no folder; pass one that holds config.json, vocabulary and weights."
        )
    if name in shipped_models():
        return _inner_folder(SHIPPED_FOLDER / name, subfolder)
    if is_path_object or _looks_like_a_path(name):
        raise ModelNotFoundError(
            f"{name!r} looks like a path, and there is no such folder (looked in {str(Path.cwd())!r}); "
            f"check the spelling.{_did_you_mean(name)}"
        )
    if name.startswith("bertlab-") and "/" not in name:
        raise ModelNotFoundError(
            f"{name!r} is no folder here and no model shipped with bertlab; "
            f"shipped are: {', '.join(shipped_models()) or 'none in this installation'}."
        )
    if force_download and (local_files_only or _offline_by_environment()):
        raise ValueError("force_download=True needs the network, which is switched off; drop one of the two.")
    if proxies:
        _check_that_proxies_are_taken()
    repository = _Repository(
        name=name,
        revision=revision,
        cache_dir=None if cache_dir is None else str(Path(cache_dir).expanduser()),
        token=token,
        local_only=local_files_only or _offline_by_environment(),
        force_download=force_download,
        proxies=proxies,
        subfolder=subfolder,
    )
    return repository.folder_with(kinds, weight_file_names(variant, use_safetensors))


HUB_OPTIONS = tuple(
    option for option in inspect.signature(resolve).parameters if option not in ("name_or_path", "files")
)


def take_options(arguments: MutableMapping[str, object]) -> dict[str, object]:
    """Move the arguments that `resolve` understands out of `arguments`, a dict of keyword arguments.

    `from_pretrained` methods take options for finding the files and options for the configuration in one
    list; this tells them apart. The old `use_auth_token` becomes `token`; the obsolete `resume_download` and
    `mirror` are dropped, for downloads always resume.
    """
    options = {name: arguments.pop(name) for name in HUB_OPTIONS if name in arguments}
    old_token = arguments.pop("use_auth_token", None)
    if old_token is not None:
        options.setdefault("token", old_token)
    for obsolete in ("resume_download", "mirror"):
        arguments.pop(obsolete, None)
    return options


# The names of files


def weight_file_names(variant: str | None = None, use_safetensors: bool | None = None) -> list[str]:
    """The names under which a folder's weights are looked for, best first.

    safetensors before pickled `.bin` files, one file before an index of shards. A variant stands before the
    last part of the name: `model.fp16.safetensors`, `model.safetensors.index.fp16.json`.
    """
    _check_plain_names(variant=variant)
    names = []
    if use_safetensors is not False:
        names += ["model.safetensors", "model.safetensors.index.json"]
    if use_safetensors is not True:
        names += ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    if variant:
        names = [f"{stem}.{variant}.{ending}" for stem, ending in (name.rsplit(".", 1) for name in names)]
    return names


def is_shard_index(file_name: str) -> bool:
    """Whether this weight file is the JSON index of a checkpoint split into shards."""
    return file_name.endswith(".json")


def read_shard_index(path: str | os.PathLike) -> dict[str, str]:
    """The `weight_map` of a shard index: tensor name -> file name of the shard that holds it.

    Raises ValueError when the file is no such index, or when it names a file that is not inside its folder.
    """
    path = Path(path)
    weight_map = read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(
            f'{str(path)!r} is no shard index: it must be a mapping whose "weight_map" maps the name of '
            "each tensor to the file that holds it; save the checkpoint again."
        )
    for tensor_name, shard in weight_map.items():
        if not _stays_inside(shard) or not shard.endswith((".safetensors", ".bin")):
            raise ValueError(
                f"{str(path)!r} says that {tensor_name!r} is in {shard!r}, but a shard must be a "
                ".safetensors or .bin file inside the folder of its index; do not trust this checkpoint."
            )
    return weight_map


def foreign_weights_hint(file_names: Iterable[str]) -> str:
    """A sentence on weights of other frameworks among `file_names`; empty when there are none."""
    found = {FOREIGN_WEIGHTS[name]: name for name in file_names if name in FOREIGN_WEIGHTS}
    if not found:
        return ""
    listed = " and ".join(f"{framework} weights ({name})" for framework, name in found.items())
    return f" It has only {listed}, which bertlab does not read; convert them with transformers first."


def _stays_inside(file_name: object) -> bool:
    """Whether this is a relative file name that on any system stays inside the folder it is relative to."""
    if not isinstance(file_name, str) or not file_name.isprintable() or ":" in file_name:
        return False
    return all(part not in ("", ".", "..") for part in re.split(r"[/\\]", file_name))


def _looks_like_a_path(name: str) -> bool:
    return (
        name.startswith((".", "/", "~"))
        or name.endswith("/")
        or "\\" in name
        or name.count("/") > 1
        or re.match("[A-Za-z]:", name) is not None
    )


def _did_you_mean(name: str) -> str:
    """A sentence that offers the nearest shipped model or folder; empty when nothing is near."""
    wanted = Path(name).expanduser()
    try:
        siblings = {entry.name: str(entry) for entry in wanted.parent.iterdir() if entry.is_dir()}
    except OSError:
        siblings = {}
    candidates = {**siblings, **{shipped: shipped for shipped in shipped_models()}}
    near = difflib.get_close_matches(wanted.name, candidates, n=1)
    return f" Did you mean {candidates[near[0]]!r}?" if near else ""


def _inner_folder(folder: Path, subfolder: str) -> Path:
    inner = folder / subfolder if subfolder else folder
    if not inner.is_dir():
        raise ModelNotFoundError(f"{str(folder)!r} has no folder {subfolder!r} in it; check subfolder=.")
    return inner


def _check_kinds(files: str | Iterable[str]) -> tuple[str, ...]:
    kinds = (files,) if isinstance(files, str) else tuple(files)
    for kind in kinds:
        if kind not in FILE_KINDS:
            raise ValueError(f"files={kind!r} is unknown; ask for any of {', '.join(FILE_KINDS)}.")
    if not kinds:
        raise ValueError(f"files is empty; ask for any of {', '.join(FILE_KINDS)}.")
    return kinds


def _check_plain_names(**options: str | None) -> None:
    """Options that become part of a file's path or address must not lead anywhere else."""
    for option, value in options.items():
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise TypeError(f"{option} must be a string, not {type(value).__name__}.")
        if not _stays_inside(value) or (option == "variant" and not re.fullmatch(r"[\w-]+", value)):
            raise ValueError(f'{option}={value!r} is no plain name, such as "main" or "onnx/small".')


# The Hub


def _offline_by_environment() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, read now, for a notebook may set it late."""
    return any(
        os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE")
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def _check_that_proxies_are_taken() -> None:
    from huggingface_hub import hf_hub_download

    if "proxies" not in inspect.signature(hf_hub_download).parameters:
        raise ValueError(
            "The installed huggingface_hub takes no proxies= argument; set the environment variable "
            "HTTPS_PROXY to the proxy's address instead."
        )


def _resume_option() -> dict[str, bool]:
    """huggingface_hub before 0.23 resumes a broken download only when told to; later ones always do."""
    from huggingface_hub import hf_hub_download

    option = inspect.signature(hf_hub_download).parameters.get("resume_download")
    return {"resume_download": True} if option is not None and option.default is False else {}


@dataclass
class _Repository:
    """One model on the Hub, and how to get files of it into the local cache."""

    name: str
    revision: str | None
    cache_dir: str | None
    token: str | bool | None
    local_only: bool
    force_download: bool
    proxies: Mapping[str, str] | None
    subfolder: str
    unreachable: Exception | None = None  # why the Hub could not be asked
    commit: str | None = None  # the commit that `revision` means at the moment

    def folder_with(self, kinds: tuple[str, ...], weight_names: list[str]) -> Path:
        """Fetch the files of these kinds; the folder they are in."""
        for _attempt in range(3):  # a branch that moves while we download would mix two commits
            self._ask_for_the_commit("vocab.txt" if kinds == ("tokenizer",) else "config.json")
            paths = self._fetch_kinds(kinds, weight_names)
            if len({path.parent for path in paths}) == 1:
                return paths[0].parent
        raise ConnectionError(f"{self._label()} keeps changing on the Hub; name a commit with revision=.")

    def _fetch_kinds(self, kinds: tuple[str, ...], weight_names: list[str]) -> list[Path]:
        paths = []
        if "config" in kinds:
            paths += self._fetch_first(["config.json"])
        if "tokenizer" in kinds:
            fetched = {name: self._fetch(name) for name in TOKENIZER_FILES}
            if not fetched["vocab.txt"] and not fetched["tokenizer.json"]:
                raise self._missing(["vocab.txt", "tokenizer.json"])
            paths += [path for path in fetched.values() if path]
        if "weights" in kinds:
            weights = self._fetch_first(weight_names)
            paths += weights
            if is_shard_index(weights[0].name):
                for shard in sorted(set(read_shard_index(weights[0]).values())):
                    self._fetch_first([shard])
        return paths

    def _fetch_first(self, file_names: list[str]) -> list[Path]:
        for file_name in file_names:
            path = self._fetch(file_name)
            if path:
                return [path]
        raise self._missing(file_names)

    def _ask_for_the_commit(self, file_name: str) -> None:
        """Ask the Hub once what `revision` means now; without an answer, go on with the cache alone.

        One question settles whether the Hub can be reached, so that the cache is used for all files or for
        none, and a missing optional file is never mistaken for an unreachable one.
        """
        from huggingface_hub.utils import EntryNotFoundError, HFValidationError

        if self.local_only:
            return
        try:
            self.commit = self._commit_of(file_name)
        except EntryNotFoundError:
            self.commit = None
        except HFValidationError as error:
            raise self._impossible_name(error) from None
        except Exception as error:
            self._raise_if_refused(error)
            if self.force_download or not _is_network_trouble(error):
                raise self._unreachable_error(error) from error
            logger.warning("The Hub gave no answer on %s (%s); using the cache.", self._label(), _short(error))
            self.unreachable = error
            self.local_only = True

    def _commit_of(self, file_name: str) -> str | None:
        """The commit whose version of the file `revision` means: one question to the Hub, without retries."""
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

        address = hf_hub_url(
            self.name,
            file_name,
            subfolder=self.subfolder or None,
            revision=self.revision,
            endpoint=os.environ.get("HF_ENDPOINT") or None,
        )
        response = get_session().head(
            address,
            headers=build_hf_headers(token=self.token),
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            **self._proxy_options(),
        )
        hf_raise_for_status(response)
        commit = response.headers.get("X-Repo-Commit")
        if commit is not None and not re.fullmatch(r"\w+", commit):  # it becomes the name of a folder
            raise ValueError(f"The Hub named {commit!r} as the commit of {self._label()}, which is none.")
        return commit

    def _fetch(self, file_name: str) -> Path | None:
        """A file's path in the cache, downloaded if need be; None when the model has no such file."""
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
        from huggingface_hub.utils import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError

        path_in_repository = f"{self.subfolder}/{file_name}" if self.subfolder else file_name
        if self.commit and not self.force_download:
            known = try_to_load_from_cache(
                self.name, path_in_repository, revision=self.commit, cache_dir=self.cache_dir
            )
            if known is not None and not isinstance(known, str):  # known not to exist in this commit
                return None
        try:
            return Path(
                hf_hub_download(
                    self.name,
                    path_in_repository,
                    revision=self.revision,
                    cache_dir=self.cache_dir,
                    token=self.token,
                    local_files_only=self.local_only,
                    force_download=self.force_download,
                    endpoint=os.environ.get("HF_ENDPOINT") or None,
                    **self._proxy_options(),
                    **_resume_option(),
                )
            )
        except LocalEntryNotFoundError as error:
            if self.local_only or _status(error) == 404:
                return None
            raise self._unreachable_error(error, file_name) from error
        except EntryNotFoundError:
            return None
        except HFValidationError as error:
            raise self._impossible_name(error) from None
        except Exception as error:
            self._raise_if_refused(error)
            raise self._unreachable_error(error, file_name) from error

    def _proxy_options(self) -> dict[str, object]:
        return {"proxies": dict(self.proxies)} if self.proxies else {}

    # What went wrong, in one sentence

    def _label(self) -> str:
        return repr(self.name) + (f" at revision {self.revision!r}" if self.revision else "")

    def _impossible_name(self, error: Exception) -> ModelNotFoundError:
        return ModelNotFoundError(
            f"{self.name!r} is no folder here, no model shipped with bertlab and no possible name on the Hub "
            f"({_short(error)}); check the spelling.{_did_you_mean(self.name)}"
        )

    def _raise_if_refused(self, error: Exception) -> None:
        """Turn the Hub's own answers ("no such model", "not for you") into an error that says what to do."""
        from huggingface_hub.utils import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        if isinstance(error, GatedRepoError):
            raise PermissionError(
                f"{self._label()} is a gated model: accept its terms on its page on the Hub, then pass "
                "token=... or log in with `huggingface-cli login`."
            ) from error
        if isinstance(error, RevisionNotFoundError):
            raise ModelNotFoundError(
                f"The model {self.name!r} has no revision {self.revision!r} on the Hub; pass a branch, a "
                "tag or full commit, or leave revision out for the main branch."
            ) from error
        if isinstance(error, RepositoryNotFoundError):
            raise ModelNotFoundError(
                f"{self.name!r} is no folder in {str(Path.cwd())!r}, no model shipped with bertlab "
                f"({', '.join(shipped_models()) or 'none'}) and no model on the Hub; check the spelling, and "
                f"pass token=... if the model is private.{_did_you_mean(self.name)}"
            ) from error
        if _status(error) in (401, 403):
            raise PermissionError(
                f"The Hub refused access to {self._label()} (HTTP {_status(error)}); check the token "
                "you passed or saved, and that your account may read this model."
            ) from error

    def _unreachable_error(self, error: Exception, file_name: str = "") -> OSError:
        what = f"{file_name} of {self._label()}" if file_name else self._label()
        if isinstance(error, OSError) and error.errno is not None and not _is_network_trouble(error):
            return OSError(error.errno, f"Storing {what} failed: {error.strerror}; check cache_dir=")
        return ConnectionError(
            f"Fetching {what} from the Hub failed ({_short(error)}); try again (a broken download resumes), "
            "or pass local_files_only=True to go with what is in the cache."
        )

    def _missing(self, file_names: list[str]) -> OSError:
        wanted = " or ".join(file_names)
        if self.unreachable is not None:
            return ConnectionError(
                f"{self._label()} is no folder here and no shipped model, the Hub cannot be reached "
                f"({_short(self.unreachable)}), and the cache has no {wanted} of it; connect once to "
                f"download it, or use one of: {', '.join(shipped_models()) or 'a local folder'}."
            )
        if self.local_only:
            return ModelNotFoundError(
                f"{self._label()} is no folder here and no shipped model, and the Hub's local cache has no "
                f"{wanted} of it; allow the network once (local_files_only, HF_HUB_OFFLINE), or use one of: "
                f"{', '.join(shipped_models()) or 'a local folder'}."
            )
        looked_for_weights = "model.safetensors" in file_names or "pytorch_model.bin" in file_names
        foreign = [name for name in FOREIGN_WEIGHTS if looked_for_weights and self._exists(name)]
        advice = foreign_weights_hint(foreign) or " Check the name, revision=, subfolder= and variant=."
        return ModelNotFoundError(f"The model {self._label()} on the Hub has no {wanted}.{advice}")

    def _exists(self, file_name: str) -> bool:
        try:
            self._commit_of(file_name)
        except Exception:  # only a hint in a message depends on it
            return False
        return True


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and those it was raised from."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _status(error: Exception) -> int | None:
    """The HTTP status behind an error, if an HTTP answer is behind it."""
    for link in _chain(error):
        status = getattr(getattr(link, "response", None), "status_code", None)
        if status is not None:
            return status
    return None


def _is_network_trouble(error: Exception) -> bool:
    """No connection, a timeout, or a server that answers 408, 429 or 5xx: worth going on with the cache."""
    status = _status(error)
    if status is not None:
        return status in (408, 429) or status >= 500
    libraries = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    if libraries & {"requests", "httpx", "httpx2"}:
        return True
    return isinstance(error, (ConnectionError, TimeoutError))


def _short(error: Exception) -> str:
    """The innermost cause in one short line."""
    status = _status(error)
    if status is not None:
        return f"HTTP {status}"
    text = " ".join(str(_chain(error)[-1]).split())
    return (text[:160] + "...") if len(text) > 160 else text or type(error).__name__
