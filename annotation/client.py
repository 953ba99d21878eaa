"""Label Studio's REST client: the plain one, since importing the extended one takes a second."""

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import label_studio_sdk
from label_studio_sdk._extensions.pager_ext import SyncPagerExt
from label_studio_sdk.base_client import LabelStudioBase as LabelStudio
from label_studio_sdk.core.pagination import SyncPager
from label_studio_sdk.core.request_options import RequestOptions

__all__ = ["ONCE", "LabelStudio", "brush", "every"]

ONCE = RequestOptions(max_retries=0)
"""The client sends again what was not answered; for a request that makes something, that would make it twice."""


def every(pager: SyncPager[Any, Any]) -> Iterator[Any]:
    """Go through what a list holds, page by page; the server tells of its end by a 404."""
    return iter(SyncPagerExt.from_sync_pager(pager))


@cache
def brush() -> ModuleType:
    """Give the SDK's run-length code for painted masks without its package, which imports nltk and pandas."""
    path = Path(label_studio_sdk.__path__[0], "converter", "brush.py")
    spec = importlib.util.spec_from_file_location("label_studio_sdk_brush", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
