"""The tables of a page follow from the benchmark."""

import pytest

from tests.helpers.running import tool

MEASURED = """**mild: top-1 accuracy in per cent**

| method | base |
| --- | --- |
| deep prompts | 90.0 |

**mild: difference to deep prompts in points**

| method | base |
| --- | --- |
| GA2-CLIP | -1.0 |

**strong: top-1 accuracy in per cent**

| method | base |
| --- | --- |
| deep prompts | 50.0 |

3 runs; class draws 0; commit 1234. A note.
"""
PAGE = """# A page

<!-- tables: mild -->
old
<!-- end of tables -->

## Strong style

<!-- tables: strong -->
<!-- end of tables -->

After.
"""
WANTED = """# A page

<!-- tables: mild -->
mild: top-1 accuracy in per cent:

| method | base |
| --- | --- |
| deep prompts | 90.0 |

mild: difference to deep prompts in points:

| method | base |
| --- | --- |
| GA2-CLIP | -1.0 |

3 runs; class draws 0; commit 1234. A note.

<!-- end of tables -->

## Strong style

<!-- tables: strong -->
strong: top-1 accuracy in per cent:

| method | base |
| --- | --- |
| deep prompts | 50.0 |

3 runs; class draws 0; commit 1234. A note.

<!-- end of tables -->

After.
"""


def test_tables_of_each_data_set_have_their_place(tmp_path):
    page, folder = tmp_path / 'page.md', tmp_path / 'benchmark'
    folder.mkdir()
    (folder / 'table.md').write_text(MEASURED)
    page.write_text(PAGE)
    for _ in range(2):  # the second time renews what the first wrote
        tool('docs/tables.py', page, folder)
        assert page.read_text() == WANTED


@pytest.mark.parametrize(
    ('page', 'said'),
    [
        (PAGE.replace('strong', 'images'), "the benchmark has no table of 'images'"),
        ('# A page\n', 'the page has no line <!-- tables: DATA SET --> with its end'),
    ],
)
def test_a_page_that_does_not_fit_stays_as_it_was(page, said, tmp_path):
    path = tmp_path / 'page.md'
    path.write_text(page)
    (tmp_path / 'table.md').write_text(MEASURED)
    with pytest.raises(SystemExit) as stopped:
        tool('docs/tables.py', path, tmp_path)
    assert stopped.value.code == f'error: {said}'
    assert path.read_text() == page
