"""What a customer's text message asks for. Pure.

A whole message that is a keyword does what the keyword does. Any other message may still say that
no more texts are wanted, in whatever words: 47 CFR 64.1200(a)(10) lets consent be revoked "by using
any reasonable method to clearly express a desire not to receive further calls or text messages",
and puts the burden on the sender. No list of phrases is complete and a machine reads no minds, so
such a message (``WISH``) stops texts at once and is put before a person. In doubt it is a wish: a
hold too many costs a look, a wish overlooked costs the customer's trust and breaks the law. What
speaks of an order ("cancel my order"), or only uses the word ("when does it end?"), is a reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from config.keywords import fold


class Intent(StrEnum):
    """What a text asks for."""

    STOP = "stop"  # a keyword: no more texts
    START = "start"  # a keyword: texts again
    HELP = "help"  # a keyword: who is this, how does it end
    WISH = "wish"  # no keyword, but it seems to say that no more texts are wanted
    REPLY = "reply"  # anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundText:
    """One text message from a customer, as its carrier's provider tells it.

    ``asked`` is what the provider itself took it for and has dealt with: Twilio's Advanced
    Opt-Out says so. ``media`` counts pictures and the like, which are not kept.
    """

    provider: str
    id: str
    sender: str  # E.164
    recipient: str
    text: str
    at: datetime
    media: int = 0
    asked: Intent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keywords:
    """The words of each kind, folded (``config.keywords.fold``)."""

    stop: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was read as; ``word`` is the keyword in capitals, None when it is none."""

    intent: Intent
    word: str | None = None


def read_text(text: str, keywords: Keywords) -> Reading:
    """What a text asks for.

    A keyword counts in any case, with punctuation, quotes or emoji around it, and when it is said
    several times over ("stop stop STOP!!").
    """
    said = fold(text)
    word = _repeated(said)
    for intent, words in (
        (Intent.STOP, keywords.stop),
        (Intent.START, keywords.start),
        (Intent.HELP, keywords.help),
    ):
        if word in words:
            return Reading(intent, word.upper())
    if not said:
        return Reading(Intent.WISH if _SIGNS.search(text) else Intent.REPLY)
    padded = f" {said} "
    if _CERTAIN.search(padded) or _WISH.search(_HARMLESS.sub(" ~ ", padded)):
        return Reading(Intent.WISH)
    return Reading(Intent.REPLY)


def _repeated(said: str) -> str:
    words = said.split(" ")
    return words[0] if len(set(words)) == 1 else said


def _any(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of these phrases as whole words of a folded text; ``… `` stands for up to 4 words."""
    alternatives = "|".join(one.replace("… ", r"(?:\S+ ){0,4}?") for one in phrases)
    return re.compile(rf"(?<= )(?:{alternatives})(?= )")


_SIGNS: Final = re.compile("[\U0001f6d1\u26d4\U0001f6ab\U0001f515\U0001f595]")  # stop sign, mute, …

# What texts are called, in the four languages.
_MAIL: Final = (
    r"(?:texts?|texting|texted|txts?|txting|messag(?:es?|ing)|msgs?|msging|sms|mms|spam|spamming"
    r"|notifications?|alerts?|promos?|promotions?|ads|advertis\w+|marketing|newsletters?"
    r"|nachricht(?:en)?|werbung|werbe\w+|mitteilung(?:en)?|textnachrichten"
    r"|publicites?|pubs?|textos?|mensajes?|mensajitos|publicidad|promociones)"
)
_TO_WRITE: Final = (
    r"(?:texting|txting|messaging|msging|sending|contacting|writing|bothering|bugging|harass\w+"
    r"|spamming|calling|pestering|blowing|annoying|emailing|sms)"
)
# Speaks of the order or the product: then "cancel", "end" and the like are meant for that.
_GOODS: Final = (
    r"(?:orders?|deliver\w*|shipments?|shipping|packages?|parcels?|purchases?|items?|bookings?"
    r"|reservations?|appointments?|returns?|refunds?|invoices?|payments?|card|ticket|trip"
    r"|bestellung\w*|lieferung\w*|paket\w*|termin\w*|kauf\w*|rechnung\w*|buchung\w*|vertrags?"
    r"|commandes?|livraisons?|colis|rendez vous|achats?|reservation"
    r"|pedidos?|compras?|envios?|entregas?|cita|reserva)"
)

# Said in so many words, whatever else stands there.
_CERTAIN: Final = _any(
    (
        r"why (?:do|dont|wont|cant) you … stop",
        r"why (?:wont|doesnt|dont|cant) (?:this|it|these|they|you) stop",
        rf"(?:wont|doesnt|dont|never|not) stop {_TO_WRITE}(?: me| us)",
        (
            r"(?:want|wish|need|like|ask\w*|told|tell\w*) … to stop … "
            rf"(?:{_MAIL}|{_TO_WRITE})"
        ),
        rf"(?:stop|quit|cease) (?:{_TO_WRITE})",
        (
            rf"(?:i|we) (?:do not|dont|no longer|never) … (?:{_MAIL})(?: anymore| any more| again)?"
            r"(?= from you| anymore| any more| again| please| $)"
        ),
    )
)

# Taken out before the rest is looked at: the word is there, the wish is not.
_HARMLESS: Final = _any(
    (
        # English: "please don't stop", "can't stop loving it", "stop by tomorrow?"
        (
            r"(?:do not|dont|never|cant|can not|cannot|couldnt|could not|wont|will not|didnt"
            r"|did not"
            r"|doesnt|does not|not|no need to|without) (?:ever |just |want to |wanna )?"
            r"(?:stop|quit|unsubscribe|opt out|cancel|end|remove)(?: me| us| my| the| this| it)?"
        ),
        (
            rf"(?:stop|stops|stopping) (?:by|at|over|off|in|into|near|before|after|until|here"
            rf"|there)"
            rf"(?! … {_MAIL} )"
        ),
        (
            r"(?:non|bus|next|last|one|full|pit|truck|train|tram|door|rest|first|final|metro) stop"
            r"(?: shop)?"
        ),
        (
            r"(?:it|machine|device|app|light|engine|motor|battery|clock|watch|thing|they) "
            r"(?:will |would |does |did )?stops? (?:work|charg|function|respond|play|turn|spin)\w*"
        ),
        rf"cancel\w* (?:\S+ )?(?:\S+ )?(?:\S+ )?{_GOODS}",
        rf"{_GOODS} (?:\S+ )?(?:\S+ )?(?:\S+ )?cancel\w*",
        (
            rf"(?:storniere?n?|kundige?n?|widerrufe?n?|widerruf|abbestellen"
            rf"|loschen) (?:\S+ )?(?:\S+ )?"
            rf"{_GOODS}"
        ),
        rf"{_GOODS} (?:\S+ )?(?:\S+ )?(?:stornieren|kundigen|widerrufen|abbestellen|loschen)",
        rf"(?:annuler|annulez|resilier|arreter|arretez|supprimer) (?:\S+ )?(?:\S+ )?{_GOODS}",
        rf"(?:cancelar|anular|eliminar|parar|detener|cancelen) (?:\S+ )?(?:\S+ )?{_GOODS}",
        # German: "bitte nicht aufhören", "hört auf zu laden"
        r"(?:nicht|nie|niemals|ohne) (?:mehr )?(?:stoppen|stopp|stop|aufhoren|aufzuhoren|abmelden)",
        r"hor(?:t|en sie|e)? (?:bitte |bloss |ja )?(?:nicht|nie|niemals) (?:damit )?auf",
        r"hort (?:es |das gerat |er |sie )?auf zu (?!\S*(?:schreib|send|schick|nerv|text))\w+",
        # French: "n'arrêtez pas", "sans arrêt", "un arrêt de bus"
        r"(?:ne |n )(?:vous |t )?arret(?:e|ez|er|ons) (?:pas|jamais)",
        r"(?:ne pas|pas|jamais) (?:vous |t |d )?(?:arreter|stop|desabonner)",
        r"(?:sans|un|l|cet) arret(?: de (?:bus|tram|metro|travail))?",
        # Spanish: "no paren", "no dejen de escribir", "sin parar"
        (
            r"no (?:pares|paren|pare|parad|para|dej(?:es|en|e|eis) de|detengan|cancelen"
            r"|me den de baja)"
            r"(?: de)?(?: \S+)?"
        ),
        r"(?:sin|puedo) parar",
    )
)

_WISH: Final = _any(
    (
        # English
        r"stop",
        r"stopp",
        r"stpo|sotp|stoip|atop|st0p|s t o p",
        r"un ?sub|un ?sub?s?c?ri?b?e?(?:d|r)?|unsubs\w*|unsuscri\w+|unsubcri\w+|desubscribe",
        r"opt(?:ing|ed)? (?:me |us )?out|optout|optin? out",
        rf"(?:quit|end|cease) (?:it|this|these|those|the|all|your|my) (?:\S+ )?{_MAIL}",
        r"cancel",
        rf"cancel\w* (?:\S+ ){{0,3}}?(?:{_MAIL}|subscription|membership)",
        r"revoke|(?:withdraw|revoking|withdrawing) (?:my |our )?(?:consent|permission)",
        (
            r"(?:remove|delete|lose|forget|erase|scrub|drop) "
            r"(?:me|us|(?:my|this|our) (?:\S+ )?(?:number"
            r"|contact|data|info|details|name|cell|phone))"
        ),
        r"(?:take|get) (?:me|us|my (?:\S+ )?(?:number|name)) off",
        rf"no more (?:\S+ )?(?:{_MAIL})",
        r"no more(?= (?:please|pls|thanks|thank you|ok)? ?$)",
        (
            r"(?:do not|dont|never|pls dont|please dont) (?:you )?(?:ever )?(?:text|txt|message|msg"
            r"|contact|write|sms|send|spam|call|bother|email|reach out)"
        ),
        (
            rf"(?:do not|dont|no longer) (?:want|wish|need|care|like|agree"
            rf"|consent) (?:\S+ ){{0,4}}?"
            rf"(?:{_MAIL}|receive|hear|contact\w*|texted|messaged)"
        ),
        rf"(?:tired|sick|fed up) (?:of|with) (?:\S+ ){{0,2}}?{_MAIL}",
        r"(?:leave|let) (?:me|us) (?:alone|be)",
        (
            r"(?:go away|get lost|piss off|buzz off|shut up|stfu|f off|fuck off|fuck you|screw you"
            r"|knock it off|cut it out|enough already|that is enough|thats enough)"
        ),
        r"not interested|no longer interested|lost interest",
        r"wrong (?:number|person)|not my number|new phone who dis|you have the wrong \S+",
        (
            r"never (?:signed up|sign up|subscribed|agreed|consented)|never asked for (?:this"
            r"|these|it)"
        ),
        r"(?:did not|didnt) (?:sign up|subscribe|agree|consent|ask for (?:this|these))",
        r"(?:report(?:ing)?|block(?:ing|ed)?) (?:you|this number|as spam|your number|u)",
        r"(?:this is |its |is this |thats |just |pure )?(?:spam|harassment|harassing)",
        r"do not disturb|dnd|dnc|do not call",
        r"(?:lawyer|attorney|tcpa|fcc)|(?:will|ill|gonna|going to) sue",
        # German
        r"stoppen|stoppe|stoppt|stoppen sie",
        r"abmeld\w*|abbestell\w*|austragen|trag(?:t|en sie)? mich aus|meld(?:et|en sie)? mich ab",
        r"abzumelden|abzubestellen|auszutragen",
        r"hor(?:t|en sie|e)? (?:bitte |endlich |sofort |damit |doch )*auf",
        r"aufhoren|schluss(?: damit)?",
        rf"kein(?:e|en|erlei)? (?:weitere[nr]? )?(?:{_MAIL})",
        (
            r"nicht(?:s)? mehr (?:\S+ ){0,3}?(?:an)?(?:schreib\w*|kontaktier\w*|send\w*|schick\w*"
            r"|belastig\w*|zusend\w*|haben|bekommen|erhalten|horen)"
        ),
        (
            r"(?:schreib|kontaktier|send|schick)\w* (?:sie |mir |mich |uns )*(?:bitte )?"
            r"(?:nie |nicht |nichts |keine )(?:wieder|mehr|sms|nachrichten)"
        ),
        r"(?:lass|lasst|lassen sie) mich in (?:ruhe|frieden)|verschwinde|nervt",
        r"(?:losch|entfern|streich)\w* (?:sie )?(?:bitte )?(?:mich|meine (?:\S*nummer|daten))",
        r"(?:meine (?:\S*nummer|daten)) (?:bitte )?(?:loschen|entfernen|streichen)",
        r"widerruf\w*|widerspreche|kein interesse|kundig\w*|falsche nummer",
        # French
        r"arret|arrete|arretez|arreter|arretes",
        r"desabonn\w*|desinscri\w*|desinscription|resilier|resiliez|me desabonner",
        (
            rf"(?:ne |n )(?:plus |me |m |nous |souhaite |veux |desire |voulons )+(?:\S+ ){{0,3}}?"
            rf"(?:recevoir|contact\w*|ecri\w*|envo\w*|{_MAIL})"
        ),
        r"(?:ne )?m (?:ecrivez|envoyez|envoie) (?:plus|rien)|ne me (?:\S+ )plus",
        rf"(?:plus|pas|assez) de (?:{_MAIL})|plus jamais",
        r"laisse(?:z|s)? (?:moi|nous) (?:tranquille|en paix)|foutez moi la paix|fichez moi la paix",
        r"(?:retire|supprime|enleve|efface)(?:z|r)? (?:moi|mon numero|mes \S+)",
        r"pas interesse\w*|mauvais numero|faux numero|ca suffit",
        # Spanish
        r"(?:dar|dame|darme|denme|deme|de|doy) (?:me )?de baja|date de baja",
        (
            r"(?:para|paren|pare|parad|parar|deja|dejen|deje|dejad|dejar) (?:ya )?(?:de )"
            r"(?:enviar\w*|mandar\w*|escribir\w*|molestar\w*|llamar\w*|contactar\w*|spam\w*)"
        ),
        r"(?:paren|parar|parad|basta|detener|detengan|cancelar|cancelen|cancelame)",
        (
            rf"(?:no|ya no|nunca) (?:mas|quiero|quisiera|deseo|me interesa|queremos) ?"
            rf"(?:(?:\S+ ){{0,3}}?(?:{_MAIL}|recibir|saber))"
        ),
        rf"no mas|ni un (?:{_MAIL}) mas",
        (
            r"(?:no|nunca) (?:me|nos|vuelvan a|vuelva a) ?(?:\S+ )?(?:envi\w+|escrib\w+|mand\w+"
            r"|contact\w+|llam\w+|molest\w+)(?: mas)?"
        ),
        (
            r"(?:quita|borra|elimina|saca)(?:me|r|rme|n|nme)? (?:de |mi )(?:\S+ )?"
            r"(?:lista|numero|datos|base)"
        ),
        r"(?:quitame|borrame|eliminame|sacame|quitenme|borrenme|eliminenme)",
        r"dej(?:ame|enme|eme) en paz|no me interesa|numero equivocado",
    )
)
