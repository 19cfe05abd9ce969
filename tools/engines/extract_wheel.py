"""Take from a TensorFlow wheel what tfjs-node needs, and nothing else.

Usage: extract_wheel.py WHEEL FOLDER

Writes the C API headers to FOLDER/include, the two shared libraries to FOLDER/lib and the licence texts to
FOLDER/licenses, and prints the requirements of the wheel's "and-cuda" extra, one per line (a GPU wheel has them).
Only Python's standard library is used; the wheel need not fit this Python.
"""
import os
import re
import shutil
import sys
import zipfile

HEADERS = re.compile(
    r"tensorflow/include/((tensorflow/(c/|core/platform/ctstring)|(tensorflow/)?tsl/(platform/ctstring|c/)|xla/tsl/c/).*)"
)
LIBRARIES = re.compile(r"tensorflow/(libtensorflow_(?:cc|framework)\.so\.2)")
LICENSES = re.compile(r"(?:tensorflow/|[^/]+\.dist-info/(?:licenses/)?)(THIRD_PARTY_NOTICES\.txt|LICENSE)")


def target_of(name):
    for pattern, folder in ((HEADERS, "include"), (LIBRARIES, "lib"), (LICENSES, "licenses")):
        found = pattern.fullmatch(name)
        if found:
            return os.path.join(folder, found.group(1))
    return None


def main(wheel_path, folder):
    with zipfile.ZipFile(wheel_path) as wheel:
        for name in wheel.namelist():
            if name.endswith(".dist-info/METADATA"):
                metadata = wheel.read(name).decode("utf-8")
                for line in metadata.split("\n\n", 1)[0].splitlines():
                    found = re.fullmatch(r"Requires-Dist: ([^;]+); extra == [\"']and-cuda[\"']", line.strip())
                    if found:
                        print(found.group(1).strip())
            target = None if name.endswith("/") else target_of(name)
            if target is None:
                continue
            path = os.path.join(folder, target)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with wheel.open(name) as source, open(path, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 22)


main(*sys.argv[1:])
