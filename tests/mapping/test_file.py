import json
from xml.etree import ElementTree

import numpy as np
import pytest

from nmc.chips import load_chip
from nmc.errors import ProgramError, UnsupportedError
from nmc.mapping.file import map_model, read_facts, read_mapping, written
from nmc.mapping.partition import partition
from nmc.model import Model
from nmc.report.mapping import drawing, html, rows, svg
from nmc.text import parse

GRAPH = parse("""
dt = 0.001
x = Input(shape=(784,), stream=True)
d1 = FixedDense(x, features=1000, weight='w1')
h1 = FixedLIF(d1@1, du=0, dv=0, vth=100)
d2 = FixedDense(h1, features=10, weight='w2')
h2 = FixedLIF(d2@1, du=0, dv=0, vth=100)
return h2
""")
MODEL = Model("wide", GRAPH, {"w1": np.zeros((1000, 784)), "w2": np.zeros((10, 1000))})


def test_a_mapping_survives_its_file():
    facts = map_model(MODEL, load_chip("loihi1"))
    assert read_facts(written(facts)) == facts
    placement = read_mapping(written(facts), MODEL)
    assert [part.population for part in placement.partition.slices] == ["h1"] * 8 + ["h2"]
    assert placement.cores.used == facts.cores.used == 9


def test_a_damaged_mapping():
    with pytest.raises(ProgramError, match=r"mapping.json is not a mapping"):
        read_facts(b'{"chip": "loihi1"}')


@pytest.mark.parametrize("change", [
    lambda slices: slices[:-1],
    lambda slices: [*slices[:3], slices[-1], *slices[3:-1]],
    lambda slices: [slices[1], slices[0], *slices[2:]],
    lambda slices: [{**slices[0], "neurons": [[0, 126]]}, *slices[1:]],
    lambda slices: [{**slices[0], "neurons": [[-1, 125]]}, *slices[1:]],
    lambda slices: [*slices[:-1], {**slices[-1], "neurons": [[0, 11]]}],
    lambda slices: [*slices[:-1], {**slices[-1], "neurons": [[0, 10], [0, 1]]}],
    lambda slices: [*slices[:-1], {**slices[-1], "population": "h3"}],
])
def test_a_mapping_of_other_neurons_is_refused(change):
    """Whoever counts synapses by it must not look beyond the end of an array."""
    facts = json.loads(written(map_model(MODEL, load_chip("loihi1"))))
    with pytest.raises(ProgramError, match=r"mapping.json is not a mapping of this model: .*h[12]"):
        read_mapping(json.dumps({**facts, "slices": change(facts["slices"])}).encode(), MODEL)


def test_the_number_of_chips_is_a_limit():
    wide = parse("""
dt = 0.001
x = Input(shape=(784,), stream=True)
d = FixedDense(x, features=40000, weight='w')
h = FixedLIF(d@1, du=0, dv=0, vth=100)
return h
""")
    model = Model("wider", wide, {})
    # 142 neurons a core: 282 cores, and a chip has 128
    assert map_model(model, load_chip("loihi1")).chips.used == 3
    with pytest.raises(UnsupportedError, match=r"2 chips have 256") as caught:
        map_model(model, load_chip("loihi1"), chips=2)
    assert "--option chips=N" in str(caught.value)


def test_loihi_2_takes_fewer_cores():
    assert map_model(MODEL, load_chip("loihi2")).cores.used < map_model(MODEL, load_chip("loihi1")).cores.used


def test_the_table_has_a_line_for_each_core():
    lines = rows(map_model(MODEL, load_chip("loihi1")))
    assert len(lines) == 9
    assert sorted(line[3] for line in lines)[0] == "h1[0:125]"
    # 125 neurons of 1024
    assert {line[4] for line in lines if line[3].startswith("h1")} == {"125/1024 (12.2 %)"}


def test_the_drawing_shades_the_cores_in_use():
    text = drawing(map_model(MODEL, load_chip("loihi1")), 0).plain
    cells = text.partition("\n")[2].partition("██ h1")[0]
    # h1 has 16,250 of 16,384 words in use: 8 cores of two characters; 128 - 9 cores are free
    assert cells.count("██") == 8
    assert cells.count("··") == 128 - 9


def test_the_picture_has_a_square_for_each_core():
    facts = map_model(MODEL, load_chip("loihi1"))
    picture = ElementTree.fromstring(svg(facts))
    spaces = {"svg": "http://www.w3.org/2000/svg"}
    titles = [title.text for title in picture.findall(".//svg:g/svg:title", spaces)]
    assert len(titles) == 9
    assert sum("output axons: 0/4096" in title for title in titles) == 1
    assert len(picture.findall(".//svg:rect", spaces)) == 128 + 9
    assert svg(facts) in html(facts)


def test_slices_read_back_are_those_of_the_partition():
    data = json.loads(written(map_model(MODEL, load_chip("loihi1"))))
    cut = partition(GRAPH, load_chip("loihi1").limits)
    assert [tuple(map(tuple, part["neurons"])) for part in data["slices"]] == [p.neurons.ranges for p in cut.slices]
