"""A shop, and folders of templates written for one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.rendering.sample import SAMPLE_SHOP
from engine.rendering.templates import MessageTemplates

Write = Callable[..., MessageTemplates]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes ``name=text`` files into ``<template>/`` and loads all templates."""
    root = tmp_path / "message_templates"

    def write_files(template: str, files: dict[str, str]) -> MessageTemplates:
        folder = root / template
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return MessageTemplates(root, shop=SAMPLE_SHOP)

    return write_files


@pytest.fixture(scope="session")
def starter() -> MessageTemplates:
    """The starter library's own templates."""
    root = Path(__file__).parents[2] / "message_templates"
    return MessageTemplates(root, shop=SAMPLE_SHOP)
