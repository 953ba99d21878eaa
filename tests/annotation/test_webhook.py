import httpx
import pytest

from annotation.client import LabelStudio
from annotation.project import ensure_project
from annotation.publish import publish
from annotation.server import Server
from annotation.webhook import HEADER, waking
from tests.annotation.sections import task


def hooks(client: LabelStudio, server: Server) -> list[str]:
    found = client.webhooks.list(project=str(ensure_project(client, server)))
    urls = [str(hook.url) for hook in found]
    return [url for url in urls if not url.endswith("/webhook")]  # which Label Studio adds for a prediction service


def test_submitting_changing_and_deleting_wake(server: Server, client: LabelStudio) -> None:
    (number,) = publish(server, [task(1, 70)])
    shown = [dict(region) for region in client.predictions.list(task=number)[0].result]
    with waking(server) as called:
        assert not called.is_set()
        made = client.annotations.create(number, result=shown, lead_time=1.0)
        assert called.wait(10)
        called.clear()
        client.annotations.update(int(made.id or 0), result=shown[1:])
        assert called.wait(10)
        called.clear()
        client.annotations.delete(int(made.id or 0))
        assert called.wait(10)
    assert hooks(client, server) == []


@pytest.mark.parametrize("headers", [{}, {HEADER: "guessed"}])
def test_strangers_wake_nobody(server: Server, client: LabelStudio, headers: dict[str, str]) -> None:
    publish(server, [task(1, 71)])
    with waking(server) as called:
        (url,) = hooks(client, server)
        assert httpx.post(url, headers=headers, json={}).status_code == 403
        assert not called.wait(0.2)


def test_a_receiver_that_was_killed_keeps_nobody_from_submitting_and_is_replaced(
    server: Server, client: LabelStudio
) -> None:
    (number,) = publish(server, [task(1, 72)])
    project = ensure_project(client, server)
    client.webhooks.create(url="http://127.0.0.1:9/proofloop/look", project=project, send_for_all_actions=True)
    made = client.annotations.create(number, result=[], lead_time=1.0)
    assert made.id
    with waking(server):
        assert len(hooks(client, server)) == 1
    assert hooks(client, server) == []
