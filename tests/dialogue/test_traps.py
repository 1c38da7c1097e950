"""Each company's traps and the false friends: what a policy leaves out is said to be left out, and nothing is borrowed or invented."""

import re
from dataclasses import dataclass

import pytest

from .checks import AMOUNT, COMPANIES, CONTACTS, DAYS, FREE, check_reply, says_not_stated, tells_of_recording

LANGUAGES = ("ja", "en")
GAP = ("not_stated",)
PARTLY = ("answer", "not_stated")
"""The policy states a part: the reply may be an answer, and its text says what is missing."""


@dataclass(frozen=True)
class Trap:
    """A question in both languages and what its reply must and must not hold.

    Attributes:
        first: clauses of which one is cited first where the reply is an answer.
        gap: the text says that something is not stated, whatever the kind.
        never: what must not stand in the text; `needs`: what must, by language.
    """

    id: str
    company: str
    ja: str
    en: str
    kinds: tuple = ("answer",)
    first: tuple = ()
    gap: bool = False
    never: object = None
    needs: tuple = ("", "")


def partly(name, company, ja, en, *first, **more):
    return Trap(name, company, ja, en, PARTLY, first, gap=True, **more)


def gap(name, company, ja, en, never=None, **more):
    return Trap(name, company, ja, en, GAP, gap=True, never=never, **more)


def stated(name, company, ja, en, *first, **more):
    return Trap(name, company, ja, en, ("answer",), first, **more)


def either(*patterns):
    return re.compile("|".join(p if isinstance(p, str) else p.pattern for p in patterns), re.I)


def judge(servers, trap, language):
    turn = servers.talk()(getattr(trap, language))
    assert turn.kind in trap.kinds, (turn.answer, turn.text)
    check_reply(turn, trap.company, language)
    if turn.kind == "answer" and trap.first:
        assert turn.citations[0] in trap.first, (turn.citations, turn.text)
    if trap.gap:
        assert says_not_stated(turn.text, language), turn.text
    if trap.never:
        found = re.search(trap.never, turn.text)
        assert not found, (found.group(), turn.text)
    assert re.search(trap.needs[LANGUAGES.index(language)], turn.text), turn.text


def everything(traps):
    return pytest.mark.parametrize(
        ("trap", "language"), [pytest.param(t, lang, id=f"{t.company}-{t.id}-{lang}") for t in traps for lang in LANGUAGES]
    )


LEXUS = (
    Trap(
        "center-number", "lexus",
        "レクサスの方針に出てくるCAセンターの電話番号は何番ですか",
        "What is the phone number of the CA Center that the LEXUS policy talks about?",
        PARTLY, ("lexus/contact", "lexus/disclosure"), gap=True,
    ),
    partly(
        "no-promised-result", "lexus",
        "レクサスに情報の削除を頼んだら、必ず消してもらえるんですか",
        "If I ask LEXUS to delete my data, is it certain that they will erase it?",
        "lexus/correction",
        never=r"必ず(?:削除|消去)(?:し|され)ます|we will delete|will be deleted",
    ),
    partly(
        "purposes-list-missing", "lexus",
        "レクサスの基本方針には、利用目的の一覧が載っていますか",
        "Does the LEXUS basic policy contain the list of purposes my information is used for?",
        "lexus/purposes",
    ),
    partly(
        "five-and-six", "lexus",
        "レクサスの方針にある「5 and 6」というのは何を指しているのですか",
        "The LEXUS policy makes an exception for \"5 and 6\". What are those items?",
        "lexus/third-party",
    ),
    partly(
        "recipients-unnamed", "lexus",
        "レクサスが情報を渡す相手の会社名を具体的に教えてください",
        "Please name the exact companies LEXUS hands personal information to.",
        "lexus-web/third-party-examples", "lexus/third-party",
        never=r"東京海上|トヨタモビリティ|Nissan|Tokio|Mobility",
    ),
    partly(
        "analytics-url", "lexus",
        "レクサスのサイトで使っているSiteCensusのプライバシーポリシーはどのURLで読めますか",
        "At which URL can I read the SiteCensus privacy policy the LEXUS website refers to?",
        "lexus-web/analytics",
        never=r"https?://|www\.",
    ),
    gap(
        "licence", "lexus",
        "レクサスに開示を求めるとき、運転免許証のコピーを出す必要はありますか",
        "Do I have to show my driving licence when I ask LEXUS for my data?",
        r"免許証(?:など)?の?(?:写し|コピー)?を(?:ご用意|お送り|同封)|please (?:send|post|enclose)",
    ),
    gap(
        "form", "lexus",
        "レクサスの開示請求書の用紙はどこで手に入りますか",
        "Where can I get the LEXUS form for a disclosure request?",
        r"用紙をお送りします|we will send you|send you a form",
    ),
    Trap(
        "customer-centre", "lexus",
        "レクサスのお客様相談センターに電話したいのですが、何番にかければいいですか",
        "What number do I dial for the LEXUS customer service centre?",
        ("desk", "answer"), ("lexus/contact",), never=r"お客様相談センター", needs=(CONTACTS["lexus"],) * 2,
    ),
    Trap(
        "call-from-abroad", "lexus",
        "海外からでもレクサスの0800の番号につながりますか",
        "I live in Canada. Does the LEXUS 0800 number work when I call from overseas?",
        ("answer", "not_stated", "desk"), ("lexus/contact",), gap=True,
        never=r"(?:海外|国外)からも(?:おかけ|つなが)|you can call (?:it )?from abroad",
    ),
    Trap(
        "open-on-new-year", "lexus",
        "元日でもレクサスのインフォメーションデスクは開いていますか",
        "Is the LEXUS Information Desk open on the first of January?",
        ("desk", "answer"), ("lexus/contact",), needs=("365|年中無休", "365"),
    ),
    gap(
        "opt-out-is-not-cookies", "lexus",
        "レクサスが私の情報を第三者に渡すのを、あとから止めさせることはできますか",
        "Can I opt out of LEXUS passing my details on to other companies?",
        r"クッキー|ブラウザ|cookie|browser",
    ),
)  # fmt: skip

G_LINK = (
    gap(
        "no-contact", "g-link",
        "G-Linkの個人情報の問い合わせ窓口はどこですか",
        "How do I contact G-Link about my personal information?",
        r"0800|03-\d|\S+@\S+",
    ),
    gap(
        "no-phone", "g-link",
        "G-Linkの電話番号を教えてください",
        "Please give me the telephone number for G-Link.",
        r"0800|03-\d|インフォメーションデスク|Information Desk",
    ),
    gap(
        "no-rights", "g-link",
        "G-Linkは、持っている私のデータを見せてくれますか",
        "Can I get G-Link to show me the data they hold on me?",
        r"0800|見せます|トヨタ自動車が(?:対応|回答)します|Toyota will answer",
    ),
    partly(
        "who-answers", "g-link",
        "G-Linkへの請求に答えてくれるのはトヨタ自動車ですか、それとも運営会社ですか",
        "If I make a request about G-Link, will Toyota Motor answer it or the company that runs the service?",
        "g-link/scope",
        never=r"トヨタ自動車(?:株式会社)?が(?:お答え|回答|対応)します|Toyota(?: Motor)?(?: Corporation)? will (?:answer|respond)",
    ),
    partly(
        "linked-policy-unread", "g-link",
        "トヨタコネクティッドの個人情報保護方針のページには、開示の手続きは書いてありますか",
        "What does Toyota Connected's own privacy page say about disclosure procedures?",
        "g-link/changes",
        never=r"手続きが書かれてい|page (?:says|explains|describes)",
    ),
    stated(
        "consent-both-halves", "g-link",
        "G-Linkは私に断らずに情報を第三者へ渡すことがありますか",
        "Does G-Link pass my data to third parties without asking me first?",
        "g-link/third-party", "g-link/third-party-examples",
        needs=(r"(?s)(?=.*(?:案内|断る))(?=.*承諾)", r"(?s)(?=.*(?:notice|without asking))(?=.*prior consent)"),
    ),
    stated(
        "open-ended-purposes", "g-link",
        "G-Linkの利用目的は、挙げられているもので全部ですか",
        "Are the purposes on G-Link's list the only ones it uses my data for?",
        "g-link/purposes",
        needs=("ウェブ上に明記", "stated on the web"),
    ),
    stated(
        "liability-quoted", "g-link",
        "G-Linkのサイトで得た情報を使って損害が出たら、会社は責任を負いますか",
        "Is G-Link responsible if I suffer damage from using information obtained through its website?",
        "g-link/links",
        needs=("一切の責任", "no responsibility"),
        never=r"弁護士|賠償|lawyer|compensat|you (?:should|can) sue",
    ),
    stated(
        "operator-name", "g-link",
        "G-Linkを運営しているのはどこの会社ですか",
        "Which company operates G-Link?",
        "g-link/scope",
        needs=("トヨタコネクティッド", "Toyota Connected"),
    ),
)  # fmt: skip

JAMIL = (
    stated(
        "own-phone", "jamil",
        "ジャミール商事に個人情報のことで電話したいです。番号は?",
        "What is Jamil Shoji's phone number for privacy questions?",
        "jamil/contact",
        needs=(CONTACTS["jamil"],) * 2,
    ),
    gap(
        "no-lexus-hours", "jamil",
        "ジャミール商事の窓口は何時まで電話がつながりますか",
        "Until what time can I ring Jamil Shoji?",
        r"9:00|18:00|[69] ?[ap]m|午前9時|午後6時|365|年中無休",
    ),
    partly(
        "hand-in", "jamil",
        "ジャミール商事の開示請求書は、郵送と持参のどちらで出すのですか",
        "Do I post the disclosure form to Jamil Shoji or bring it to the shop?",
        "jamil/rights",
        never=r"郵送してください|ご郵送ください|お持ちください|(?:please|you should) (?:post|mail|bring)",
    ),
    partly(
        "original-or-copy", "jamil",
        "ジャミール商事に見せる運転免許証は、原本ですか、コピーでもいいですか",
        "For Jamil Shoji, do I need my original driving licence or is a copy enough?",
        "jamil/rights",
        never=r"コピーを(?:お送り|郵送|同封)|post a copy|send a copy|a copy is enough",
    ),
    partly(
        "contact-takes-form", "jamil",
        "ジャミール商事の開示請求書はどこへ送ればいいですか",
        "Where do I send my disclosure request form to Jamil Shoji?",
        "jamil/rights", "jamil/contact",
        never=r"\d{3}-\d{4}\b(?!-)|東京都",
    ),
    partly(
        "url-is-no-request-page", "jamil",
        "ジャミール商事に開示を申し込めるホームページのURLはありますか",
        "Is there a web page where I can submit a disclosure request to Jamil Shoji?",
        "jamil/rights", "jamil/contact",
        never=r"https?://|lexus\.jp",
    ),
    stated(
        "two-joint-use-lists", "jamil",
        "ジャミール商事は個人情報をどの会社と共同利用していますか",
        "With which companies does Jamil Shoji jointly use personal data?",
        "jamil/joint-use-companies",
        needs=(r"(?s)(?=.*TMプロサービス)(?=.*LEXUS TOKYO)(?=.*小石川)", r"(?s)(?=.*TM Pro)(?=.*LEXUS TOKYO)(?=.*Koishikawa)"),
    ),
    stated(
        "joint-use-manager", "jamil",
        "ジャミール商事の共同利用で、データの管理に責任を持つのは誰ですか",
        "Who is responsible for the data that Jamil Shoji uses jointly with others?",
        "jamil/joint-use-manager",
        needs=("ジャミール商事", "Jamil Shoji"), never=r"永田|Nagata",
    ),
    partly(
        "president-is-no-contact", "jamil",
        "ジャミール商事で個人情報を担当している人の名前を教えてください",
        "What is the name of the person in charge of privacy at Jamil Shoji?",
        "jamil/contact", "jamil/joint-use-manager",
        never=r"永田|浩司|Nagata|Koji",
    ),
    stated(
        "wide-exceptions", "jamil",
        "ジャミール商事が私の同意なしに情報を他社へ渡すのはどんなときですか",
        "In what cases does Jamil Shoji give my information to others without my consent?",
        "jamil/third-party",
        needs=("正当な理由", "(?:legitimate|justifiable|just|valid|proper|good) reason"),
    ),
    partly(
        "deletion-unstated", "jamil",
        "ジャミール商事の方針では、データの削除を求める権利は認められていますか",
        "Does Jamil Shoji's policy say that customers may have their data deleted?",
        "jamil/rights",
        never=r"削除(?:いた)?します|we will delete|削除できません|cannot be deleted",
    ),
)  # fmt: skip

INFINITI = (
    Trap(
        "two-weeks-from-documents", "infiniti",
        "インフィニティは開示の請求から何日で返事をくれますか",
        "How many days does Infiniti need to respond to a disclosure request?",
        ("answer",), ("infiniti/response",),
        never=r"14|14日|fourteen|within two weeks|2週間以内|from your e-?mail",
        needs=(r"(?s)(?=.*書類)(?=.*約\s?(?:2|二)週間)", r"(?s)(?=.*documents)(?=.*about two weeks)"),
    ),
    Trap(
        "mail-starts-no-clock", "infiniti",
        "昨日インフィニティにメールしました。2週間以内に返事は来ますか",
        "I e-mailed Infiniti yesterday, will their answer be here within fourteen days?",
        PARTLY, ("infiniti/response",),
        never=r"14日|14 days|fourteen|メールから(?:約)?2週間|from your e-?mail",
        needs=("書類", "documents"),
    ),
    Trap(
        "ticket-starts-no-clock", "infiniti",
        "インフィニティの約2週間というのは、いつから数えるのですか",
        "From when are Infiniti's two weeks counted?",
        ("answer",), ("infiniti/response",),
        never=r"受付番号|チャット|ticket|chat",
        needs=("書類を?受け", r"(?:receiving|receipt of|receives) (?:\w+ ){0,2}documents|documents (?:are|have been) received"),
    ),
    partly(
        "fee", "infiniti",
        "インフィニティに開示を請求すると、会社に払う手数料はかかりますか",
        "Is there a fee payable to Infiniti for a disclosure request?",
        "infiniti/id-documents",
        never=either(FREE, AMOUNT, r"手数料がかかります|there is a fee|手数料はかかりません|there is no fee"),
    ),
    gap(
        "nissan-is-not-named", "infiniti",
        "インフィニティの個人情報を管理している会社は日産自動車ですか",
        "Is Nissan Motor the company responsible for Infiniti's customer data?",
        r"日産自動車|Nissan Motor",
    ),
    gap(
        "legal-entity", "infiniti",
        "インフィニティの方針を出している法人の正式名称は何ですか",
        "What is the full legal name of the company behind Infiniti's privacy policy?",
        r"日産自動車|Nissan Motor",
    ),
    partly(
        "postal-address", "infiniti",
        "インフィニティに書類を郵送したいのですが、宛先の住所を教えてください",
        "I want to post my form to Infiniti. What is the address?",
        "infiniti/request-steps", "infiniti/contact",
        never=r"〒|横浜|Yokohama",
    ),
    gap(
        "cease-of-use-not-listed", "infiniti",
        "インフィニティの方針には、利用停止を求められると書いてありますか",
        "Does Infiniti's policy let customers demand that their data no longer be used?",
        r"利用停止(?:を請求|を求め)?でき|応じられません|お断り|we will stop using|cannot ask|refuse",
    ),
    partly(
        "content-is-not-account", "infiniti",
        "インフィニティに頼めば、会員アカウントごと削除してもらえますか",
        "Would Infiniti close my whole account if I asked, according to its policy?",
        "infiniti/rights",
        never=r"アカウントを削除します|we will (?:delete|close)",
    ),
    partly(
        "recipients-unnamed", "infiniti",
        "インフィニティが個人情報を提供している会社の名前を一つずつ挙げてください",
        "List by name the companies Infiniti provides my personal information to.",
        "infiniti/third-party",
        never=r"日産|Nissan|Renault|ルノー|Toyota",
    ),
    stated(
        "provision-stops-on-request", "infiniti",
        "インフィニティから第三者への提供は、頼めば止めてもらえますか",
        "Will Infiniti stop giving my details to third parties if I ask?",
        "infiniti/third-party", "infiniti/rights",
        never=r"理由が必要|条件があります|only if|must give a reason",
    ),
    Trap(
        "id-by-mail-or-chat", "infiniti",
        "インフィニティへの本人確認書類は、メールやこのチャットで送ってもいいですか",
        "May I send Infiniti my ID by e-mail or here in the chat?",
        PARTLY, ("infiniti/request-steps", "infiniti/id-documents"),
        never=r"メールでお送りください|チャットでお送りください|(?:please|you may|you can) (?:e-?mail|send it by e-?mail|send it here)",
        needs=("郵送|記載", "post|does not state"),
    ),
    stated(
        "access-from-abroad", "infiniti",
        "ドイツからインフィニティのサイトを見ると、どの国の法律で扱われますか",
        "If I visit Infiniti's site from Germany, which country's laws apply to my data?",
        "infiniti/outside-japan",
        needs=("日本", "Japan"), never=r"GDPR|ドイツの法律が適用|German law",
    ),
    Trap(
        "cookie-page-missing", "infiniti",
        "インフィニティのサイトはクッキーを何に使っていますか",
        "What does Infiniti use cookies for?",
        PARTLY, ("infiniti/cookies",), gap=True,
    ),
)  # fmt: skip

ANY_CONTACT = r"[\w.]+@[\w.]+|https?://|0\d{1,3}-\d{2,4}-\d{3,4}|\+81|〒"

JIN = (
    partly(
        "contact-heading-only", "jin-jidosha",
        "Jin Jidoshaの個人情報の連絡先を教えてください",
        "How can I contact Jin Jidosha about my personal data?",
        "jin-jidosha/contact",
        never=ANY_CONTACT,
    ),
    partly(
        "no-phone", "jin-jidosha",
        "Jin Jidoshaに電話したいです。何番ですか",
        "What phone number does Jin Jidosha have?",
        "jin-jidosha/contact",
        never=ANY_CONTACT,
    ),
    gap(
        "deletion-not-listed", "jin-jidosha",
        "Jin Jidoshaの方針では、個人情報を削除してもらえることになっていますか",
        "Under Jin Jidosha's policy, can customers have their personal information deleted?",
        r"削除(?:いた)?します|削除できません|we will delete|will be deleted|cannot be deleted",
    ),
    partly(
        "fee-without-amount", "jin-jidosha",
        "Jin Jidoshaに開示を頼むと、いくらかかりますか",
        "How much does Jin Jidosha charge for a disclosure request?",
        "jin-jidosha/rights",
        never=either(AMOUNT, FREE),
    ),
    partly(
        "no-deadline", "jin-jidosha",
        "Jin Jidoshaは請求してから30日以内に返事をくれますか",
        "Does Jin Jidosha reply to a request within 30 days?",
        "jin-jidosha/rights",
        never=either(DAYS, "30"),
    ),
    partly(
        "no-my-number", "jin-jidosha",
        "Jin Jidoshaに開示を請求するとき、マイナンバーを伝える必要はありますか",
        "Does Jin Jidosha need my My Number when I make a request?",
        "jin-jidosha/rights", "jin-jidosha/protection", "jin-jidosha/specific",
        never=r"マイナンバーを(?:ご提示|お知らせ|お伝え)ください|(?:please|must) (?:give|provide|show) (?:us )?your My Number",
    ),
    Trap(
        "specific-is-not-my-number", "jin-jidosha",
        "Jin Jidoshaの「Specific Personal Information」はマイナンバーのことですか",
        "Is \"Specific Personal Information\" in Jin Jidosha's policy the same as My Number data?",
        PARTLY, ("jin-jidosha/specific", "jin-jidosha/protection"),
        never=r"マイナンバーのことです|マイナンバーを(?:意味|指)し|^はい|means My Number|refers to My Number|^Yes",
    ),
    stated(
        "sharing-both-halves", "jin-jidosha",
        "Jin Jidoshaは私の情報を第三者に渡すことがありますか",
        "Does Jin Jidosha share customers' information with third parties?",
        "jin-jidosha/third-party", "jin-jidosha/protection",
        needs=(
            r"(?s)(?=.*同意)(?=.*(?:5つ|五つ|同意を求めない))(?=.*(?:any reason|理由))",
            r"(?s)(?=.*consent)(?=.*(?:five|may not be sought))(?=.*(?:any|whatever the) reason)",
        ),
    ),
    stated(
        "military-grade-is-a-quote", "jin-jidosha",
        "Jin Jidoshaの「軍用レベル」のシステムというのは本当ですか",
        "Is it true that Jin Jidosha has military-grade systems?",
        "jin-jidosha/protection",
        needs=("「military-grade", "[“\"]military-grade"), never=r"本当です|絶対に安全|it is true|guarantee",
    ),
    partly(
        "complaints-without-days", "jin-jidosha",
        "Jin Jidoshaに苦情を言ったら何日くらいで対応してもらえますか",
        "How many days until Jin Jidosha deals with a complaint?",
        "jin-jidosha/contact", "jin-jidosha/protection",
        never=DAYS,
    ),
    stated(
        "id-form-answer", "jin-jidosha",
        "Jin Jidoshaへの開示請求はどういう順番で進みますか",
        "What are the steps of a disclosure request at Jin Jidosha?",
        "jin-jidosha/rights",
        needs=(r"(?s)本人.*(?:書式|様式|用紙|フォーム|form).*回答", r"(?s)identity.*form.*(?:respon|answer)"), never=ANY_CONTACT,
    ),
)  # fmt: skip


@everything(LEXUS + G_LINK + JAMIL + INFINITI + JIN)
def test_trap(servers, trap, language):
    judge(servers, trap, language)


# -- false friends: the same thing asked of every company; a clause with the right word in it is not the answer ---------

FEE_NEVER = either(FREE, AMOUNT, "課金", r"\bbilling", "通話")
FEE = (
    gap("fee", "lexus", "レクサスへの開示請求は無料でできますか", "Is asking LEXUS for my data free of charge?", FEE_NEVER),
    gap(
        "fee",
        "g-link",
        "G-Linkに自分のデータの開示を頼むと手数料はいりますか",
        "What would G-Link charge me for a disclosure request?",
        FEE_NEVER,
    ),
    gap(
        "fee",
        "jamil",
        "ジャミール商事で開示請求をするのにお金はかかりますか",
        "Does it cost money to request disclosure from Jamil Shoji?",
        FEE_NEVER,
    ),
    partly(
        "free",
        "infiniti",
        "インフィニティの開示請求は無料ですか",
        "Is a request to Infiniti free?",
        "infiniti/id-documents",
        never=FEE_NEVER,
    ),
    partly(
        "free", "jin-jidosha", "Jin Jidoshaへの請求はタダですか", "Are requests to Jin Jidosha free?", "jin-jidosha/rights", never=FEE_NEVER
    ),
)

DAYS_NEVER = either(DAYS, r"365|迅速に?復旧|rapid|restor")
RESPONSE_TIME = (
    gap(
        "days",
        "lexus",
        "レクサスに開示を求めたら何日で答えが来ますか",
        "How many days does LEXUS take to answer a disclosure request?",
        DAYS_NEVER,
    ),
    gap(
        "days",
        "g-link",
        "G-Linkに請求を出したら、どのくらいで回答がもらえますか",
        "How fast does G-Link reply to a data request?",
        DAYS_NEVER,
    ),
    gap(
        "days",
        "jamil",
        "ジャミール商事は開示請求に何日で答えてくれますか",
        "How long does Jamil Shoji take to answer a disclosure request?",
        DAYS_NEVER,
    ),
    partly(
        "days",
        "jin-jidosha",
        "Jin Jidoshaに請求を出すと、回答までどれくらいかかりますか",
        "How quickly does Jin Jidosha respond to a request for disclosure?",
        "jin-jidosha/rights",
        never=DAYS_NEVER,
    ),
)

AGENT_NEVER = r"保険|insurance|代理店"
AGENT = (
    gap(
        "agent",
        "lexus",
        "レクサスへの開示請求を、代理人に頼んでもいいですか",
        "Can my lawyer make a disclosure request to LEXUS for me?",
        AGENT_NEVER,
    ),
    gap(
        "agent",
        "g-link",
        "G-Linkへの開示の請求は、家族が代わりにできますか",
        "May a family member make a G-Link request on my behalf?",
        AGENT_NEVER,
    ),
    gap(
        "agent",
        "jamil",
        "ジャミール商事への開示請求は代理人でもできますか",
        "Can an agent file a disclosure request with Jamil Shoji?",
        AGENT_NEVER,
    ),
    gap(
        "agent",
        "infiniti",
        "インフィニティへの請求を代理人が行うことはできますか",
        "Can somebody else submit my Infiniti request as my agent?",
        AGENT_NEVER,
    ),
    gap(
        "agent",
        "jin-jidosha",
        "Jin Jidoshaへの請求を、父に代わって私が出せますか",
        "Can I file a request with Jin Jidosha for my father?",
        AGENT_NEVER,
    ),
)

CHILDREN_NEVER = r"健全な育成|公衆衛生|wholesome|sound (?:growth|upbringing)|public health"
CHILDREN = (
    gap(
        "children",
        "lexus",
        "レクサスは未成年の子どもの個人情報をどう扱いますか",
        "How does LEXUS treat children's personal information?",
        CHILDREN_NEVER,
    ),
    gap(
        "children",
        "g-link",
        "G-Linkに子どもの情報を登録するには、親の同意がいりますか",
        "Does G-Link ask for parental consent for minors?",
        CHILDREN_NEVER,
    ),
    gap(
        "children",
        "jamil",
        "ジャミール商事の方針に、子どもの個人情報の扱いは書いてありますか",
        "What does Jamil Shoji do with children's data?",
        CHILDREN_NEVER,
    ),
    gap(
        "children",
        "infiniti",
        "インフィニティは未成年者の個人情報について何か定めていますか",
        "Does Infiniti have rules for minors' data?",
        CHILDREN_NEVER,
    ),
    gap(
        "children",
        "jin-jidosha",
        "Jin Jidoshaは子どもの情報を集めますか",
        "Does Jin Jidosha say anything about children's data?",
        CHILDREN_NEVER,
    ),
)

KEPT_NEVER = either(DAYS, r"\d+\s?年|\d+ years?|return policy|返却|無期限|indefinite")
RETENTION = (
    gap("kept", "lexus", "レクサスは個人情報を何年保存しますか", "For how long does LEXUS keep my information?", KEPT_NEVER),
    gap(
        "kept",
        "g-link",
        "G-Linkを解約したあと、データはいつまで保管されますか",
        "How long does G-Link store my data after I cancel?",
        KEPT_NEVER,
    ),
    gap(
        "kept",
        "jamil",
        "ジャミール商事はお客の情報をいつまで持っているのですか",
        "How many years does Jamil Shoji hold customer records?",
        KEPT_NEVER,
    ),
    gap("kept", "infiniti", "インフィニティでの個人情報の保存期間を知りたいです", "What is Infiniti's retention period?", KEPT_NEVER),
    gap(
        "kept",
        "jin-jidosha",
        "Jin Jidoshaは取引が終わったら情報をいつ消しますか",
        "When does Jin Jidosha get rid of my data after our contract ends?",
        KEPT_NEVER,
    ),
)

ADDRESS_NEVER = r"〒|[都道府県].{1,12}(?:市|区)|\d+-\d+-\d+,|lexus\.jp"
ADDRESS = (
    gap(
        "address",
        "lexus",
        "レクサスの個人情報窓口の住所を教えてください",
        "What is the postal address of the LEXUS privacy desk?",
        ADDRESS_NEVER,
    ),
    gap(
        "address",
        "g-link",
        "G-Linkの運営会社に手紙を出したいので住所を教えて",
        "I'd like to write a letter to G-Link. Where is it located?",
        ADDRESS_NEVER,
    ),
    gap(
        "address",
        "jamil",
        "ジャミール商事の窓口はどこの住所ですか",
        "What is Jamil Shoji's street address for privacy letters?",
        ADDRESS_NEVER,
    ),
    gap("address", "infiniti", "インフィニティの窓口の所在地はどこですか", "Where is Infiniti's privacy office located?", ADDRESS_NEVER),
    partly(
        "address",
        "jin-jidosha",
        "Jin Jidoshaの事務所の住所はどこですか",
        "What is the address of Jin Jidosha's office?",
        "jin-jidosha/contact",
        never=either(ADDRESS_NEVER, ANY_CONTACT),
    ),
)

HOURS_NEVER = r"9:00|18:00|\b[69] ?[ap]\.?m|午前9時|午後6時|365|年中無休"
HOURS = (
    gap("hours", "g-link", "G-Linkの受付時間は何時から何時までですか", "What are G-Link's opening hours?", HOURS_NEVER),
    gap("hours", "jamil", "ジャミール商事の窓口は土日もやっていますか", "Is Jamil Shoji's privacy line open at weekends?", HOURS_NEVER),
    gap("hours", "infiniti", "インフィニティの窓口の営業時間を教えてください", "When is Infiniti's privacy contact open?", HOURS_NEVER),
    gap("hours", "jin-jidosha", "Jin Jidoshaの窓口は何時に閉まりますか", "What time does Jin Jidosha's contact office close?", HOURS_NEVER),
)


@everything(FEE + RESPONSE_TIME + AGENT + CHILDREN + RETENTION + ADDRESS + HOURS)
def test_false_friend(servers, trap, language):
    judge(servers, trap, language)


# -- both halves, the recording, the desk --------------------------------------------------------------------------------

IP_QUESTIONS = [
    ("ja", "{}のサイトは、集めたIPアドレスを何に使いますか", ("レクサス", "G-Link")),
    ("ja", "{}では、IPアドレスから私だと分かってしまいますか", ("レクサスのサイト", "G-Link")),
    ("en", "What does the {} site do with the IP addresses it collects?", ("LEXUS", "G-Link")),
    ("en", "Can {} identify me by my IP address?", ("the LEXUS website", "G-Link")),
]


@pytest.mark.parametrize("company", ["lexus", "g-link"])
@pytest.mark.parametrize(("language", "question", "names"), IP_QUESTIONS, ids=["use-ja", "identify-ja", "use-en", "identify-en"])
def test_ip_addresses_come_with_both_halves(servers, company, language, question, names):
    turn = servers.talk()(question.format(names[company == "g-link"]))
    assert turn.kind == "answer"
    check_reply(turn, company, language)
    both = ("lexus-web/ip-use", "lexus-web/usage-anonymity") if company == "lexus" else ("g-link/ip-use", "g-link/ip-identification")
    assert set(both) <= set(turn.citations)
    if language == "ja":
        assert re.search("関連(?:付|づ)けて", turn.text), turn.text
        assert "個人を特定" in turn.text, turn.text
    else:
        assert re.search(r"not (?:linked|connected|(?:use|disclose)[\w ]* in connection)", turn.text), turn.text
        assert "identif" in turn.text, turn.text


LEXUS_NUMBER = [
    ("desk-ja", "ja", ["レクサスのインフォメーションデスクの電話番号は?"]),
    ("desk-en", "en", ["What is the number of the LEXUS Information Desk?"]),
    ("contact-ja", "ja", ["レクサスで個人情報の相談はどこにすればいいですか"]),
    ("contact-en", "en", ["Who do I contact at LEXUS about my personal data?"]),
    ("person-ja", "ja", ["レクサスの担当者と直接話したいです"]),
    ("person-en", "en", ["I'd like to talk to somebody at LEXUS."]),
    ("request-ja", "ja", ["レクサスに個人情報の開示を請求したいです"]),
    ("request-en", "en", ["I want to request disclosure of my data from LEXUS."]),
    ("original-ja", "ja", ["レクサスの電話番号は?", "原文を表示"]),
    ("original-en", "en", ["What is the LEXUS phone number for privacy?", "Show the original wording"]),
]


@pytest.mark.parametrize(("language", "messages"), [pytest.param(lang, m, id=name) for name, lang, m in LEXUS_NUMBER])
def test_lexus_number_comes_with_the_recording(servers, language, messages):
    say = servers.talk()
    turn = [say(message) for message in messages][-1]
    assert re.search(CONTACTS["lexus"], turn.text), turn.text
    original = "recorded" in turn.text and "number displaying" in turn.text
    assert original or tells_of_recording(turn.text, language), turn.text


NAMES = {
    "g-link": ("G-Link", "G-Link"),
    "jamil": ("ジャミール商事", "Jamil Shoji"),
    "infiniti": ("インフィニティ", "Infiniti"),
    "jin-jidosha": ("Jin Jidosha", "Jin Jidosha"),
}
OTHERS = pytest.mark.parametrize("company", list(NAMES))


def not_the_desk(turn, company, language):
    assert turn.kind != "desk"
    assert not re.search(CONTACTS["lexus"] + r"|9:00|18:00|9 ?am", turn.text), turn.text
    check_reply(turn, company, language)


@OTHERS
@pytest.mark.parametrize(
    ("language", "wish"),
    [
        pytest.param("ja", "{}のインフォメーションデスクに電話したいです", id="desk-ja"),
        pytest.param("en", "I'd like to call the {} information desk, is it open now?", id="desk-en"),
        pytest.param("ja", "{}の人と話したい", id="person-ja"),
        pytest.param("en", "Connect me with a person from {}.", id="person-en"),
    ],
)
def test_desk_is_never_offered_for_another_company(servers, company, language, wish):
    not_the_desk(servers.talk()(wish.format(NAMES[company][language == "en"])), company, language)


@OTHERS
@pytest.mark.parametrize(
    ("language", "wish"),
    [
        pytest.param("ja", "電話窓口は今開いていますか", id="desk-ja"),
        pytest.param("en", "Is the phone desk open now?", id="desk-en"),
        pytest.param("ja", "人と話したいです", id="person-ja"),
        pytest.param("en", "I want to talk to a person.", id="person-en"),
    ],
)
def test_desk_is_never_offered_on_another_companys_site(servers, company, language, wish):
    not_the_desk(servers.talk(company)(wish), company, language)


@pytest.mark.parametrize("company", COMPANIES)
def test_what_one_company_states_is_not_carried_to_the_next(servers, company):
    """Ask LEXUS for its number first: the next company's reply has that company's contact or none."""
    say = servers.talk()
    say("レクサスの電話番号は?")
    turn = say(f"{NAMES[company][0]}の電話番号は?" if company != "lexus" else "レクサスの電話番号は?")
    check_reply(turn, company, "ja")
    own = CONTACTS.get(company)
    assert own is None or company == "infiniti" or re.search(own, turn.text)
