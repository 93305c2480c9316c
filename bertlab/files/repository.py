"""One model of the Hugging Face Hub: its files, from the local cache or downloaded into it.

Whatever goes wrong is said in one sentence that names the model and what to do.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertlab.files.names import (
    CONFIG_FILES,
    FOREIGN_WEIGHTS,
    TOKENIZER_FILES,
    foreign_weights_hint,
    is_shard_index,
    read_shard_index,
)
from bertlab.files.shipped import ModelNotFoundError, did_you_mean, shipped_models
from bertlab.files.trust import UntrustedAnswerError, checked_answers, verify

logger = logging.getLogger(__name__)


@dataclass
class Repository:
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
        raise ConnectionError(f"{self._label()} keeps changing on the Hub; name a commit with revision=")

    def _fetch_kinds(self, kinds: tuple[str, ...], weight_names: list[str]) -> list[Path]:
        paths = []
        if "config" in kinds:
            paths += self._fetch_first(list(CONFIG_FILES))
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
            elif weights[0].name.endswith(".index"):
                from bertlab.files.tensorflow1 import data_files  # which needs torch; nothing else here does

                for data_file in data_files(weights[0]):
                    self._fetch_first([data_file])
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
            raise ValueError(f"the Hub named {commit!r} as the commit of {self._label()}, which is none")
        return commit

    def _fetch(self, file_name: str) -> Path | None:
        """A file's path in the cache, downloaded if need be; None when the model has no such file."""
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
        from huggingface_hub.utils import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError

        path_in_repository = f"{self.subfolder}/{file_name}" if self.subfolder else file_name
        known = None
        if self.commit and not self.force_download:
            known = try_to_load_from_cache(
                self.name, path_in_repository, revision=self.commit, cache_dir=self.cache_dir
            )
            if known is not None and not isinstance(known, str):  # known not to exist in this commit
                return None
        try:
            with checked_answers():
                path = hf_hub_download(
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
            if not self.local_only and (known is None or self.force_download):
                verify(Path(path))
            return Path(path)
        except UntrustedAnswerError as error:
            raise UntrustedAnswerError(f"{self._label()}: {error}") from None
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

    def _proxy_options(self) -> dict[str, Any]:
        return {"proxies": dict(self.proxies)} if self.proxies else {}

    # What went wrong, in one sentence

    def _label(self) -> str:
        return repr(self.name) + (f" at revision {self.revision!r}" if self.revision else "")

    def _impossible_name(self, error: Exception) -> ModelNotFoundError:
        return ModelNotFoundError(
            f"{self.name!r} is no folder here, no model shipped with bertlab and no possible name on the Hub "
            f"({_short(error)}); check the spelling.{did_you_mean(self.name)}"
        )

    def _raise_if_refused(self, error: Exception) -> None:
        """Turn the Hub's own answers ("no such model", "not for you") into an error that says what to do."""
        from huggingface_hub.utils import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        if isinstance(error, GatedRepoError):
            raise PermissionError(
                f"{self._label()} is a gated model: accept its terms on its page on the Hub, then pass "
                "token=... or log in with `huggingface-cli login`"
            ) from error
        if isinstance(error, RevisionNotFoundError):
            raise ModelNotFoundError(
                f"the model {self.name!r} has no revision {self.revision!r} on the Hub; pass a branch, a "
                "tag or full commit, or leave revision out for the main branch"
            ) from error
        if isinstance(error, RepositoryNotFoundError):
            raise ModelNotFoundError(
                f"{self.name!r} is no folder in {str(Path.cwd())!r}, no model shipped with bertlab "
                f"({', '.join(shipped_models()) or 'none'}) and no model on the Hub; check the spelling, and "
                f"pass token=... if the model is private.{did_you_mean(self.name)}"
            ) from error
        if _status(error) in (401, 403):
            raise PermissionError(
                f"the Hub refused access to {self._label()} (HTTP {_status(error)}); check the token "
                "you passed or saved, and that your account may read this model"
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


def _resume_option() -> dict[str, Any]:
    """huggingface_hub before 0.23 resumes a broken download only when told to; later ones always do."""
    from huggingface_hub import hf_hub_download

    option = inspect.signature(hf_hub_download).parameters.get("resume_download")
    return {"resume_download": True} if option is not None and option.default is False else {}


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
