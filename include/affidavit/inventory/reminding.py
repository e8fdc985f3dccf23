"""How people are told what waits for them: channels to Airflow's notifiers, and who is told when nothing happens."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from affidavit.inventory.declared import Declared, Id, Name, once

NOTIFIER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"


class Channel(Declared):
    """One of Airflow's notifiers, and whose messages it carries."""

    id: Id
    notifier: Annotated[Name, StringConstraints(pattern=NOTIFIER_PATTERN)] = Field(
        description="Class, with its module: airflow.providers.smtp.notifications.smtp.SmtpNotifier"
    )
    arguments: dict[Name, Any] = Field(
        default_factory=dict,
        description="What it is made with, never recorded; templates know message.subject and message.text",
    )
    roles: tuple[Id, ...] = Field((), description="Roles and committees whose messages it carries; everybody's if none")

    def carries(self, recipient: str) -> bool:
        """Whether it carries the messages for a role or committee."""
        return not self.roles or recipient in self.roles


class Escalation(Declared):
    """Who else is told of what is still open."""

    after_hours: int = Field(ge=1, le=8_760, description="Hours since its owner was told")
    to: Id = Field(description="Role or committee")


class Reminders(Declared):
    """Who is told what waits for them, and how."""

    channels: tuple[Channel, ...] = Field(min_length=1)
    escalation: Escalation | None = Field(None, description="Nobody else is told if absent")

    @model_validator(mode="after")
    def _told_apart(self) -> Reminders:
        once("channels", self.channels)
        return self

    def named(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """Each role or committee that is named, with the path to it."""
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("channels", n, "roles", m), role)
            for n, channel in enumerate(self.channels)
            for m, role in enumerate(channel.roles)
        ]
        if self.escalation:
            named.append((("escalation", "to"), self.escalation.to))
        return tuple(named)

    def recorded(self) -> dict[str, Any]:
        """As it may enter a ledger, which cannot unsay an address: without the arguments of notifiers."""
        document = self.model_dump(mode="json")
        for channel in document["channels"]:
            del channel["arguments"]
        return document
