"""How a section's images reach the annotators' browsers: only those who are logged in see them.

The embedded server shows a folder of the run; to the lab's own server, which need not see the run's folder, images are
uploaded.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotation.client import ONCE, LabelStudio, every
from annotation.connection import authorization, http_client
from annotation.server import Server
from loop.atomic import replacing
from loop.errors import ServerUnavailable

FOLDER = "sections"
_ONE_IMAGE = '<View><Image name="image" value="$image"/></View>'
_PURPOSE = "Images that proofloop's tasks show. There is nothing to label here; do not delete it."


def ensure_image_folder(client: LabelStudio, server: Server, project: int) -> None:
    """Let the project show the images of the embedded server's folder; the lab's own server needs nothing."""
    if server.files is None:
        return
    folder = server.files / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if not any(storage.path == str(folder) for storage in client.import_storage.local.list(project=project)):
        client.import_storage.local.create(project=project, path=str(folder), title=FOLDER, use_blob_urls=True)


def image_project(client: LabelStudio, server: Server, project: int) -> int:
    """Give the project that holds the images: on the lab's own server one beside `project`, made on first use.

    Label Studio takes a single image only into a project whose labelling interface shows one thing.
    """
    if server.files is not None:
        return project
    title = f"{server.project}: images"
    projects = every(client.projects.list())
    found = next((int(one.id) for one in projects if one.title == title), None)
    if found is None:
        found = int(
            client.projects.create(title=title, label_config=_ONE_IMAGE, description=_PURPOSE, request_options=ONCE).id
            or 0
        )
    return found


def show(server: Server, project: int, name: str, image: NDArray[np.uint8]) -> str:
    """Put an image where the annotators' browsers find it.

    Parameters
    ----------
    server : Server
    project : int
        Of `image_project`.
    name : str
        Relative path that ends in .png; the same name again replaces the image on the embedded server.
    image : (y, x) uint8

    Returns
    -------
    str
        Its address for a task's data.
    """
    if server.files is None:
        return _uploaded(server, project, name.replace("/", "-"), image)
    place = Path(FOLDER) / name
    with replacing(server.files / place) as temporary:
        Image.fromarray(image).save(temporary)
    return f"/data/local-files/?d={place.as_posix()}"


def _uploaded(server: Server, project: int, name: str, image: NDArray[np.uint8]) -> str:
    """Upload without making a task of it."""
    content = BytesIO()
    Image.fromarray(image).save(content, "PNG")
    with http_client(server) as http:
        headers = authorization(http, server)
        answer = http.post(
            f"/api/projects/{project}/import",
            params={"commit_to_project": "false"},
            files={"file": (name, content.getvalue(), "image/png")},
            headers=headers,
        )
        if answer.status_code == 201:
            number = answer.json()["file_upload_ids"][0]
            answer = http.get(f"/api/import/file-upload/{number}", headers=headers)
    if answer.status_code != 200:
        raise ServerUnavailable(
            "the lab's Label Studio does not take an image",
            given=f"{name}, {len(content.getvalue())} bytes: it answers {answer.status_code} {answer.text[:200]}",
            expected="a project to which the token's user may upload files",
            fix="see that uploads are allowed there and the disk is not full, then publish again: nothing is doubled",
        )
    return f"/data/{answer.json()['file']}"
