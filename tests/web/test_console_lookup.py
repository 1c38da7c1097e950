"""The look-up over HTTP: what is found, what no address and no log holds, the panel, the comparison."""

import html
import re

import pytest

from madoguchi.corpus import shared_corpus

from .client import Gateway, holds
from .console import ROLES, Member, account


@pytest.fixture(scope="module")
def members(gateway):
    for role in ROLES:
        account(f"sqlite:///{gateway.database}", f"seek-{role}", role, lang="en")
    account(f"sqlite:///{gateway.database}", "seek-ja", "operator", lang="ja")
    made = {role: Member(gateway.console_port, f"seek-{role}") for role in ROLES}
    return {**made, "ja": Member(gateway.console_port, "seek-ja")}


def search(member, text, company=""):
    response = member.post("/lookup", piece=True, q=text, company=company)
    assert response.status_code == 200, response.text
    return response.text


def entries(page):
    return [html.unescape(name) for name in re.findall(r'<article class="hit [^"]*"[^>]*data-entry="([^"]+)"', page)]


@pytest.mark.parametrize(
    "path", ["/", "/compare", "/compare/fee", "/lookup/panel", "/lookup/kept?pin=lexus/contact", "/?entry=jamil%23fee"]
)
def test_every_role_may_look_things_up(members, path):
    assert {role: member.http.get(path).status_code for role, member in members.items()} == dict.fromkeys(members, 200)


def test_nobody_else_may(gateway):
    import httpx

    for path in ("/", "/compare", "/compare/fee", "/lookup/panel", "/lookup/kept"):
        assert httpx.get(f"http://127.0.0.1:{gateway.console_port}{path}", trust_env=False).status_code == 303
    assert httpx.post(f"http://127.0.0.1:{gateway.console_port}/lookup", data={"q": "x"}, trust_env=False).status_code in (303, 401, 403)


def test_a_search_has_to_come_from_our_own_pages(members):
    assert members["operator"].http.post("/lookup", data={"q": "fee"}).status_code == 403


def test_signing_in_leads_to_the_look_up(members):
    page = members["operator"].get("/").text
    assert "autofocus" in page
    assert 'role="search"' in page


@pytest.mark.parametrize(
    ("who", "text", "entry"),
    [
        ("ja", "レクサスに電話すると録音されますか", "lexus/call-recording"),
        ("operator", "how long does Infiniti take to answer", "infiniti/response"),
        ("ja", "０８００－５００－５５７７", "lexus/contact"),
        ("operator", "privacy_policy@mail.nissan.co.jp", "infiniti/contact"),
        ("ja", "ﾄﾖﾀﾒﾄﾛ", "jamil/joint-use-companies"),
    ],
)
def test_the_clause_is_found_with_both_languages_source_and_original(members, who, text, entry):
    page = search(members[who], text)
    assert entry in entries(page)[:4]
    corpus = shared_corpus()
    clause = corpus.clause(entry)
    assert html.escape(corpus.documents[clause.document].title["ja" if who == "ja" else "en"], quote=False).split("(")[0] in html.unescape(
        page
    )
    assert 'lang="ja"' in page
    assert 'lang="en"' in page
    assert "<mark>" in page


def test_not_stated_is_a_result_like_any_other(members):
    page = search(members["operator"], "fee", "jamil")
    assert "jamil#fee" in entries(page)
    assert "Not stated" in page
    assert "is-not_stated" in page


def test_without_a_model_the_page_says_that_words_alone_are_searched(members):
    assert "words alone are searched" in search(members["operator"], "fee")
    assert "語句だけで検索しています" in search(members["ja"], "手数料")


def test_a_company_narrows_and_a_name_in_the_query_wins(members):
    assert {name.split("/")[0].split("#")[0] for name in entries(search(members["operator"], "cookies", "g-link"))} == {"g-link"}
    page = search(members["operator"], "Infiniti cookies", "g-link")
    assert "The query names Infiniti" in page
    assert {name.split("/")[0].split("#")[0] for name in entries(page)} == {"infiniti"}


def test_what_stands_nowhere_is_said_to(members):
    page = search(members["operator"], "GCLID")
    assert "is in none of the policies" in page
    assert entries(page) == []


def test_a_query_is_not_markup(members):
    page = search(members["operator"], "<script>alert(1)</script> zzqq")
    assert "<script>alert" not in page


@pytest.mark.parametrize("text", ["", " ", "\0", "。" * 3000, "x" * 5000, "'\";--", "{{ 7 * 7 }}", "\u202e"])
def test_any_text_is_answered(members, text):
    search(members["operator"], text)


def test_an_unknown_company_is_none(members):
    assert entries(search(members["operator"], "fee", "nobody"))


def test_a_page_without_script_has_the_results_and_the_query(members):
    page = members["operator"].post("/lookup", q="call recording").text
    assert "lexus/call-recording" in entries(page)
    assert 'value="call recording"' in page


def test_no_file_holds_a_query(members, gateway: Gateway):
    secret = "御徒町三丁目の山田太郎です"
    search(members["ja"], secret)
    assert holds([gateway.log, *gateway.data.rglob("*.db*")], secret) == []


def test_kept_entries_by_their_ids(members):
    page = members["operator"].get("/lookup/kept", pin=["lexus/contact", "gone/clause"], recent=["jamil#fee", "lexus/contact"]).text
    assert re.findall(r'data-entry="([^"]+)"', page) == ["lexus/contact", "jamil#fee"]


def test_the_panel_says_in_which_language_it_inserts(members):
    page = members["operator"].get("/lookup/panel", lang="ja", company="jamil").text
    assert 'data-insert="ja"' in page
    assert 'data-lookup="panel"' in page
    assert re.search(r'value="jamil" checked', page)
    assert "<html" not in page


def test_the_comparison_leads_from_each_cell_to_its_clauses(members):
    page = members["operator"].get("/compare").text
    links = set(re.findall(r'href="(/\?(?:topic|entry)=[^"]+|/compare/[^"]+)"', page))
    assert len(links) > 400
    for link in sorted(links)[::40]:
        answer = members["operator"].http.get(html.unescape(link))
        assert answer.status_code == 200
        assert 'class="hit' in answer.text, link


def test_one_facet_of_all_companies_side_by_side(members):
    corpus = shared_corpus()
    page = html.unescape(members["operator"].get("/compare/fee").text)
    for company in corpus.companies:
        entry, point = corpus.answering(company, "fee")
        assert (point.says if point else entry.says)["en"] in page
    assert members["operator"].get("/compare/nothing").status_code == 404


def test_the_desks_number_is_the_one_that_the_policy_states(members):
    from madoguchi.console.lookup import DESK_NUMBER

    clause = shared_corpus().clause("lexus/contact")
    assert DESK_NUMBER in shared_corpus().documents[clause.document].original(clause)
    assert DESK_NUMBER in members["operator"].get("/").text


def test_both_languages_have_each_sentence_with_the_same_placeholders():
    from madoguchi.console.wording import area

    for name, texts in area("lookup").all.items():
        assert set(texts) == {"ja", "en"}, name
        assert len({frozenset(re.findall(r"{(\w+)}", text)) for text in texts.values()}) == 1, name
