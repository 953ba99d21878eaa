import pytest
from pydantic import BaseModel, ValidationError

from loop.places import Place, PlaceField, Tile


class Stored(BaseModel):
    places: list[PlaceField]
    tasks: dict[PlaceField, int]


def test_places_come_back_from_their_text() -> None:
    place = Place(51, Tile(256, 0, 1024, 512))
    assert str(place) == "51[256:1280,0:512]"
    assert Place.parse(str(place)) == place
    stored = Stored(places=[place, Place(3)], tasks={place: 1})
    assert Stored.model_validate_json(stored.model_dump_json()) == stored


@pytest.mark.parametrize("text", ["", "z5", "5[1:2]", "5[1:2,3:4", "-1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="neither a section"):
        Stored.model_validate({"places": [text], "tasks": {}})


def test_tiles_that_only_touch_do_not_overlap() -> None:
    tile = Tile(0, 0, 4, 4)
    assert tile.overlaps(Tile(3, 3, 4, 4))
    assert not tile.overlaps(Tile(4, 0, 4, 4))
    assert not tile.overlaps(Tile(0, 4, 4, 4))
