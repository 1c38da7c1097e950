"""The language of a message, by its script."""

import re

from madoguchi import Language

_HIRAGANA = re.compile(r"[\u3041-\u309f]")
_JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uff66-\uff9d々〇]")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_MASK = re.compile(r"\[[a-z -]+\]")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+|\b[\w-]+\.(?:jp|com|co\.jp)\b|\bD(?:-[0-9A-Za-z]{1,4}){2,4}\b")

# Words that say nothing about the language of the sentence they stand in.
_NEUTRAL = frozenset(
    """
    lexus toyota infiniti nissan jamil jameel shoji jin jidosha jidousha japan connected link lite glink g tokyo gdpr
    appi ccpa cookie cookies ip ssl tls url id ids ok okay dm faq pdf web sns ai ppc vpn html http https www mail email
    sitecensus nielsen netratings google
    """.split()  # noqa: SIM905
)
_ENGLISH = frozenset(
    """
    the a an is are was were do does did can could will would shall should may might must what which who whom whose when
    where why how my your our their his her its i you we they he she it me us them this that these those to of in on at
    by for from with without about and or not no yes if any some please tell show give have has had be been
    """.split()  # noqa: SIM905
)
# The commonest words of privacy questions typed in Latin letters by people without a Japanese keyboard.
_ROMAJI = frozenset(
    """
    kojin joho johou jouhou zyouhou riyou riyo mokuteki sakujo kaiji teisei teishi tsuika tuika tetsuzuki tetuzuki
    tesuryo tesuuryou hiyou hiyo denwa bango bangou madoguchi madoguti uketsuke jikan nanji nanpun doko dare itsu itu
    dono dou dore nani nan naze desu desuka masu masuka masen masenka kudasai kudasaimasen onegai onegaishimasu shite
    site suru shitai sitai hoshii hosii oshiete osiete shiritai siritai watashi watasi boku wa ga wo mo kara made nado
    koto mono teikyo teikyou daisansha daisansya kyodo kyoudou itaku saki kaisha kaisya hozon kikan nannen doui dooi
    hitsuyou shorui syorui honnin kakunin todoku arigatou arigato konnichiwa konnitiwa ohayou sayonara hai iie tte nan
    desho deshou desyou atte aru arimasu arimasuka dekiru dekimasu dekimasuka rokuon sareru saremasu saremasuka
    kakuninsho mendo purasshi puraibashi porishi kukkii kukki kuki anzen kanri roei rouei haiti kujou kujo soudan
    renraku renrakusaki hito hanashitai ningen tantousha tantosha kureru irete dashite yamete tomete keshite oshirase
    annai okane kakaru kakarimasu ikura
    """.split()  # noqa: SIM905
)


def language_of(text: str) -> Language | None:
    """Return the language of a cleaned message, or None where it has none of its own (a number, a name, "GDPR", "?").

    One rule by script, measured better on short messages than statistical detectors: hiragana decides for Japanese unless
    English sentences surround it; kanji or katakana alone are Japanese unless English function words stand around them;
    Latin letters are English unless they spell Japanese words.
    """
    bare = _MASK.sub(" ", _ADDRESS.sub(" ", text))
    words = [word.lower() for word in _WORD.findall(bare)]
    telling = [word for word in words if (word not in _NEUTRAL and len(word) > 1) or word in ("a", "i")]
    english = sum(word in _ENGLISH for word in words)
    if _JAPANESE.search(bare):
        hiragana = len(_HIRAGANA.findall(bare))
        mostly_english = english >= 2 and len(telling) >= 3 and hiragana < len("".join(telling)) / 3
        return "en" if mostly_english else "ja"
    if not telling:
        return None
    romaji = sum(word in _ROMAJI for word in telling)
    return "ja" if (romaji >= 2 and romaji > english) or romaji == len(telling) else "en"
