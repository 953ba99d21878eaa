from pathlib import Path

import numpy as np

from loop.places import Place, Tile
from loop.ranking import Candidates
from loop.ranking_table import write_ranking


def test_the_table_has_every_candidate_and_the_ranks_of_the_chosen(tmp_path: Path) -> None:
    places = Place(4), Place(7, Tile(0, 8, 16, 16))
    candidates = Candidates(places, {"entropy": np.array([0.25, 0.125])}, np.array([1.5, 2.0]))
    write_ranking(tmp_path / "ranking.csv", candidates, [places[1]])
    assert (tmp_path / "ranking.csv").read_text().splitlines() == [
        "place,chosen,expected_minutes,entropy",
        "4,,1.5,0.25",
        '"7[0:16,8:24]",1,2,0.125',
    ]
