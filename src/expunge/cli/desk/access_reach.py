"""``expunge access reach``: who could reach recordings past the review desk, and who only their ciphertext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expunge.cli.terminal import options, output

if TYPE_CHECKING:
    from expunge.core.review.reach import Reach


def show_reach(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show who could reach recordings past the desk, who holds keys, and which accounts reach ciphertext only.

    It is told from what the account that runs this can see: files and their rights, shares, mounts, buckets, roles of databases.
    """
    from expunge.bootstrap.desk import ways_round
    from expunge.core.review.reach import ciphertext_only

    found = ways_round.reaches(map_file)
    exempt = sorted(ciphertext_only(found))
    if as_json:
        output.write_json(
            "access-reach/1", {"seen_as": ways_round.own_account(), "ways": [_said(each) for each in found], "ciphertext_only": exempt}
        )
        return
    from rich.table import Table

    table = Table("store", "who", "reaches", "by", "where")
    for each in found:
        who = each.who or "-"
        table.add_row(each.store, output.visible(who), each.reached.value, output.visible(each.how), output.visible(each.where))
    output.stdout().print(table)
    around = sum(each.around for each in found)
    output.say(f"{output.count(around, 'way')} round the review desk that can be closed; seen as the account {ways_round.own_account()}")
    output.say(f"accounts of this machine that reach ciphertext only: {output.visible(', '.join(exempt)) or 'none'}")


def _said(each: Reach) -> dict[str, Any]:
    return {
        "store": each.store, "datasets": list(each.datasets), "who": each.who or None, "reaches": each.reached.value, "how": each.how,
        "where": each.where, "mend": each.mend, "own": each.own, "around": each.around, "accounts": sorted(each.accounts),
    }  # fmt: skip
