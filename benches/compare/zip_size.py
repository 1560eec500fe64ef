"""Prints the size of a zip of files and folders, compressed as far as it goes."""

import io
import pathlib
import sys
import zipfile

buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in map(pathlib.Path, sys.argv[1:]):
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(path.parent))
print(buffer.tell())
