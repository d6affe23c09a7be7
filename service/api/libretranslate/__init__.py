"""The API of LibreTranslate 1.9, as its clients know it; docs/libretranslate.md says where it differs."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.libretranslate import detect, files, site, translate

PARTS = (translate, detect, files, site)
router = APIRouter(tags=["LibreTranslate"])
for part in PARTS:
    router.include_router(part.router)
