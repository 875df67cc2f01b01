"""What providers call the things that happen to a message, and what they are here.

A map is a SELECT in ``sql/receipts/`` that takes an event apart, and the words it finds with their kinds. A word that
is not here is no receipt: the message is only on its way, or the event says nothing about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipelines.model import ENGAGEMENT_KINDS
from pipelines.sql_text import literal, render


@dataclass(frozen=True, slots=True)
class ReceiptMap:
    """How the events of one provider become receipts.

    Attributes:
        name: What ``--map`` calls it, and its SELECT; ``own`` is the project's own words.
        title: What people call the provider.
        source: The documentation that it rests on.
        kinds: The provider's words that are receipts, with their kinds.
    """

    name: str
    title: str
    source: str
    kinds: Mapping[str, str]

    @property
    def mapped(self) -> str:
        """The SELECT of the table ``mapped``."""
        return render(
            "receipts/mapped",
            map=render(f"receipts/{self.name}"),
            kinds=[{"word": literal(word), "kind": literal(kind)} for word, kind in self.kinds.items()],
            is_own=self is OWN,
            nothing_said=literal("it is no object with a `kind`" if self is OWN else f"it is no event of {self.title}"),
        )

    @property
    def rows(self) -> str:
        """The SELECT of the receipts in it. Ids of different providers never meet."""
        return render("receipts/rows", prefix=literal("" if self is OWN else f"{self.name}:"))


OWN = ReceiptMap("own", "the project", "", MappingProxyType({kind: kind for kind in ENGAGEMENT_KINDS}))
"""Rows with the columns of the source ``engagements``, and perhaps a ``receipt_id``."""

_SENDGRID = ReceiptMap(
    "sendgrid",
    "SendGrid",
    "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    MappingProxyType(
        {
            "delivered": "delivered",
            # A mail program that opens everything by itself shows that it arrived, not that anybody read it.
            "open, machine": "delivered",
            "open": "opened",
            "click": "clicked",
            "bounce": "bounced",
            # About the message, not the address (docs: Blocks API): the address may be written to again.
            "bounce, blocked": "failed",
            "dropped": "failed",
            "spamreport": "complained",
            "unsubscribe": "unsubscribed",
            "group_unsubscribe": "unsubscribed",
        }
    ),
)
_SES = ReceiptMap(
    "ses",
    "Amazon SES",
    "https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",
    MappingProxyType(
        {
            "Delivery": "delivered",
            "Open": "opened",
            "Click": "clicked",
            "Bounce, Permanent": "bounced",
            # SES has given up on the message; the address may work another day.
            "Bounce, Transient": "failed",
            "Bounce, Undetermined": "failed",
            "Reject": "failed",
            "Rendering Failure": "failed",
            "Complaint": "complained",
            "Complaint, abuse": "complained",
            "Complaint, auth-failure": "complained",
            "Complaint, fraud": "complained",
            "Complaint, other": "complained",
            "Complaint, virus": "complained",
            "Subscription, out": "unsubscribed",
        }
    ),
)
_POSTMARK = ReceiptMap(
    "postmark",
    "Postmark",
    "https://postmarkapp.com/developer/webhooks/webhooks-overview",
    MappingProxyType(
        {
            "Delivery": "delivered",
            "Open": "opened",
            "Click": "clicked",
            "Bounce, HardBounce": "bounced",
            "Bounce, BadEmailAddress": "bounced",
            "Bounce, SoftBounce": "failed",
            "Bounce, DnsError": "failed",
            "Bounce, SpamNotification": "failed",
            "Bounce, VirusNotification": "failed",
            "Bounce, ManuallyDeactivated": "failed",
            "Bounce, Blocked": "failed",
            "Bounce, SMTPApiError": "failed",
            "Bounce, DMARCPolicy": "failed",
            "Bounce, Unknown": "failed",
            "Bounce, Unsubscribe": "unsubscribed",
            "Bounce, SpamComplaint": "complained",
            "SpamComplaint": "complained",
            "SubscriptionChange, recipient": "unsubscribed",
        }
    ),
)
_MAILGUN = ReceiptMap(
    "mailgun",
    "Mailgun",
    "https://documentation.mailgun.com/docs/mailgun/user-manual/events/events",
    MappingProxyType(
        {
            "delivered": "delivered",
            "opened": "opened",
            "clicked": "clicked",
            "failed, permanent bounce": "bounced",
            # For other reasons, such as an earlier bounce or a server that took nothing for days.
            "failed, permanent": "failed",
            "rejected": "failed",
            "complained": "complained",
            "unsubscribed": "unsubscribed",
        }
    ),
)

MAPS: Mapping[str, ReceiptMap] = MappingProxyType({each.name: each for each in (_SENDGRID, _SES, _POSTMARK, _MAILGUN)})
"""Every provider's, by name."""
