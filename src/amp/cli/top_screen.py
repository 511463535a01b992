"""The screen of ``amp top``. Nothing but that command imports this file: it needs Textual."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from amp.cli.control import Control, Where, understood
from amp.cli.tables import Row
from amp.cli.top_rates import CLIENTS, SERVERS, Look, Order, Rates
from amp.core.printable import printable
from amp.errors import ConsoleError

__all__ = ["TopScreen"]

MOST_ROWS: Final = 500
"""Of one table; whoever looks for others filters or sorts."""


WAITING: Final = [one.column.title for one in CLIENTS].index("WAITING")


class RowsTable(DataTable[Text]):
    """A table that follows rows as they change, with the cursor on the same row.

    Args:
        order: which rows, and how.
        key: the field that tells rows apart.
    """

    def __init__(self, order: Order, key: str, title: str) -> None:
        super().__init__(id=title, cursor_type="row", zebra_stripes=True)
        self.order = order
        self._key = key
        self._rows: Sequence[Row] = ()
        self.border_title = title

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def take(self, rows: Sequence[Row] | None = None) -> None:
        """Show these, or the same ones anew."""
        self._rows = self._rows if rows is None else rows
        chosen, shown = self.chosen, self.order.apply(self._rows)
        keys = [str(row[self._key]) for row in shown[:MOST_ROWS]]
        self.clear(columns=True)
        for title in self.order.titles():
            self.add_column(title)
        for key, row in zip(keys, shown, strict=False):
            cells = zip(self.order.cells(row), self.order.columns, strict=True)
            self.add_row(*(_cell(text, right=one.column.right) for text, one in cells), key=key)
        if chosen in keys:
            self.move_cursor(row=keys.index(chosen))
        left_out = "" if len(shown) <= MOST_ROWS else f", {MOST_ROWS} shown"
        self.border_subtitle = f"{len(shown)} of {len(self._rows)}{left_out}"


class TopScreen(App[int]):
    """The screen.

    Args:
        where: which amp.
        interval: seconds between looks.
    """

    CSS: ClassVar[str] = """
    RowsTable { border: round $primary; height: 1fr; }
    RowsTable:focus { border: round $accent; }
    #clients { height: 2fr; }
    #about { height: 1; padding: 0 1; }
    #filter { display: none; height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("tab", "app.focus_next", "Other table", show=False),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse"),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "all", "All", show=False),
        Binding("space", "hold", "Hold"),
        Binding("P", "pause_server", "Pause/resume server"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, where: Where, interval: float) -> None:
        super().__init__()
        self._where = where
        self._interval = interval
        self._rates = Rates()
        self._held = False
        self._over = threading.Event()
        self._control: Control | None = None
        self.servers = RowsTable(Order(SERVERS), "name", "servers")
        self.clients = RowsTable(Order(CLIENTS, by=WAITING, reverse=True), "number", "clients")
        self._filtered = self.servers

    def compose(self) -> ComposeResult:
        """The widgets, from above."""
        yield Static("looking for amp ...", id="about", markup=False)
        yield self.servers
        yield self.clients
        yield Input(placeholder="rows with this text; Enter keeps it, Escape ends it", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.servers.focus()
        self.follow()

    def on_unmount(self) -> None:
        """The thread that looks must not keep the process, even while amp does not answer it."""
        self._over.set()
        if self._control is not None:
            self._control.abandon()

    # -- looking -------------------------------------------------------------------------------------

    @work(thread=True)
    def follow(self) -> None:
        """Look, again and again; a lost amp is looked for anew."""
        while not self._over.is_set():
            try:
                with Control(self._where) as control, understood(control):
                    self._control = control
                    while not self._over.is_set():
                        self.call_from_thread(self.take, look_at(control))
                        self._over.wait(self._interval)
            except ConsoleError as error:
                if not self._over.is_set():
                    self.call_from_thread(self.lose, str(error))
                self._over.wait(self._interval)

    def take(self, look: Look) -> None:
        """A new picture."""
        rated = self._rates.take(look)
        if not self._held:
            self.say(headline(look))
            self.servers.take(rated.servers)
            self.clients.take(rated.clients)

    def lose(self, why: str) -> None:
        """There is no amp, or none any more; the last picture stays."""
        self.say(f"{why}; trying again")

    def say(self, text: str) -> None:
        """The line at the top."""
        self.query_one("#about", Static).update(printable(text))

    # -- keys ----------------------------------------------------------------------------------------

    def _table(self) -> RowsTable:
        return self.clients if self.focused is self.clients else self.servers

    def action_sort(self) -> None:
        """By the next column."""
        self._table().order.next()
        self._table().take()

    def action_reverse(self) -> None:
        """The other way round."""
        table = self._table()
        table.order.reverse = not table.order.reverse
        table.take()

    def action_hold(self) -> None:
        """Keep the picture as it is, or go on."""
        self._held = not self._held
        self.sub_title = "held" if self._held else ""
        self.notify("held: space goes on" if self._held else "going on", timeout=2)

    def action_filter(self) -> None:
        """Ask for a text."""
        field = self.query_one("#filter", Input)
        field.border_title = f"filter {self._table().id}"
        self._filtered = self._table()
        field.value = self._filtered.order.wanted
        field.display = True
        self.screen.set_focus(field)  # at once: the next key is for it

    def action_all(self) -> None:
        """No filter any more."""
        field = self.query_one("#filter", Input)
        table = self._filtered if field.has_focus else self._table()
        self._filter(table, "")
        self._leave(field, table)

    def on_input_changed(self, event: Input.Changed) -> None:
        """The text as it is being typed."""
        self._filter(self._filtered, event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The text stays, the field goes."""
        self._leave(event.input, self._filtered)

    def _leave(self, field: Input, table: RowsTable) -> None:
        self.screen.set_focus(table)  # first, and at once: the next key is not for the field
        field.display = False

    def _filter(self, table: RowsTable, text: str) -> None:
        table.order.wanted = text
        table.take()

    def action_pause_server(self) -> None:
        """Pause the server under the cursor, or resume it."""
        chosen = self.servers.chosen
        if self._table() is self.servers and chosen is not None:
            self.change(chosen)

    @work(thread=True, exclusive=True)
    def change(self, server: str) -> None:
        """Ask amp for it, whose next picture shows it."""
        try:
            with Control(self._where) as control, understood(control):
                rows = control.ask("show", what="servers")["rows"]
                paused = any(row["name"] == server and row["paused"] for row in rows)
                control.ask("resume" if paused else "pause", server=server)
        except ConsoleError as error:
            told = str(error)
        else:
            told = f"{server} {'takes actions' if paused else 'is paused'}"
        self.call_from_thread(self.notify, printable(told), markup=False, timeout=3)


def look_at(control: Control) -> Look:
    """Everything the screen shows.

    Raises:
        ConsoleError: amp does not answer.
    """
    about = control.ask("show", what="stats")["stats"]
    servers = control.ask("show", what="servers")["rows"]
    clients = control.ask("show", what="clients")["rows"]
    return Look(time.monotonic(), about, servers, clients)


def headline(look: Look) -> str:
    """What amp it is, and how much of it there is."""
    up = sum(row["state"] == "up" for row in look.servers)
    waiting = sum(row["waiting_bytes"] for row in look.clients)
    hours, rest = divmod(int(look.about["uptime_s"]), 3600)
    return (
        f"amp {look.about['name']} {look.about['version']}  up {hours}:{rest // 60:02}:{rest % 60:02}"
        f"  servers {up}/{len(look.servers)} up  clients {len(look.clients)}  waiting {waiting} bytes"
    )


def _cell(text: str, *, right: bool) -> Text:
    """As it is: a table would take brackets in a plain string for colours."""
    return Text(text, justify="right" if right else "left")
