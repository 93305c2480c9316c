"""What TensorFlow's tokenizer is asked: awkward texts, and the options under which they are cut."""

TEXTS = [
    "", " ", "hello", "Hello, World!", "  two   spaces  ", "tab\tnew\nline\r\nend", "don't can't won't", "a-b_c/d.e",
    "[MASK]", "The [MASK] sat.", "[CLS] inside [SEP]", "[UNK] [PAD] [unused1]", "[mask]", "##ing", "a##b # ##",
    "Café crème", "Cafe\u0301 cre\u0300me", "naïve Ångström", "ÀÉÎÕÜ", "İstanbul ıssız",
    "STRASSE Straße ẞ", "ſhort ŉ",
    "ﬁne ﬂow ﬀ", "ＦＵＬＬ ｗｉｄｔｈ １２", "½ ¼ ™ ℃ №", "Ⅳ ⅷ", "𝐁𝐨𝐥𝐝 𝒊𝒕", "x² y³ H₂O", "µ Ω K Å", "ǅ ǆ Ǆ", "ΑΣ Σας ς",
    "Привет, МИР!", "Ё й Й", "你好世界", "漢字かなカナ", "ｶﾞｷﾞ が", "한국어 글", "สวัสดี", "नमस्ते", "ภาษา", "עברית שָׁלוֹם",
    "العَرَبِيَّة", "a\u200bb", "a\u200cb a\u200db", "\ufeffstart", "soft\u00adhyphen",
    "no\u00a0break", "wide\u3000space",
    "line\u2028sep\u2029par", "next\u0085line", "null\x00char", "bell\x07char", "del\x7fchar",
    "\ufffd \ufffdx", "a\ufffdb",
    "👩\u200d💻 works", "👍🏽 ok", "❤\ufe0f", "🇫🇷", "“quoted” ‘text’ — dash…", "¿qué? ¡sí!",
    "«guillemets»", "€5 £6 ¥7 $8",
    "a+b=c <d> |e| ~f ^g `h", "3.14 1,000 1e-5", "user@example.com", "http://a.b/c?d=e&f",
    "C++ C# .NET", "e\u0301\u0302x",
    "\u0301lone", "x\u0336y\u0336", "\u061darabic", "\u2e52new", "\U0001f900\U0001fad0",
    "é" * 50, "é" * 51, "a" * 100,
    "a" * 101, "ß" * 50, "aa aaa unaffable playing players",
]  # fmt: skip

PIECES = (
    "[PAD] [unused1] [UNK] [CLS] [SEP] [MASK] a b c d e f g h i j k l m n o p q r s t u v w x y z "
    "##a ##b ##c ##d ##e ##f ##g ##h ##i ##j ##k ##l ##m ##n ##o ##p ##q ##r ##s ##t ##u ##v ##w ##x ##y ##z "
    "A B C E F H K M S T W Ω the The hello Hello world World ##ing play ##ers ##er un ##aff ##able inside works cafe "
    "Café Cafe creme ##ss ss str ##asse 0 1 2 3 4 5 6 7 8 9 ##0 ##1 ##2 ##3 ##4 ##5 ##12 . , ! ? ' \" - _ / # [ ] ( ) "
    "mask cls sep 你 好 世 界 漢 字 か ##な к п ##р ##и ##в ##е ##т мир α ##σ σ ##α ᄒ ##ᅡ ##ᆫ 한 ##국 ##어 € $ £ – — "
    "… “ ” "
    "é ##é aa ##aa \ufffd ##\ufffd fine ##ow full width bold ½ ##⁄ ² tm iv viii"
).split()

# Each: whether texts are lower-cased, further arguments of the constructor, arguments of the call, whether in pairs.
OPTIONS = {
    "lower": (True, {}, {}, False),
    "cased": (False, {}, {}, False),
    "lower_slow": (True, {"use_fast_bert_tokenizer": False}, {}, False),
    "cased_slow": (False, {"use_fast_bert_tokenizer": False}, {}, False),
    "short": (True, {"max_length": 6, "padding": "max_length"}, {}, False),
    "not_truncated": (True, {"max_length": 6, "truncation": False, "padding": "max_length"}, {}, False),
    "pairs": (True, {"max_length": 9}, {}, True),
    "pairs_not_truncated": (False, {"max_length": 9, "truncation": False}, {}, True),
    "pairs_padded": (True, {"max_length": 9, "padding": "max_length", "pad_token_id": 7}, {}, True),
    "multiple": (True, {"pad_to_multiple_of": 8, "max_length": 12}, {}, False),
    "multiple_of_the_call": (True, {"padding": "max_length", "max_length": 12}, {"pad_to_multiple_of": 8}, False),
    "own_ids": (False, {"cls_token_id": 9, "sep_token_id": 0, "pad_token_id": 11}, {}, False),
    "no_masks": (True, {"return_token_type_ids": False}, {"return_attention_mask": False}, False),
    "length_of_the_call": (True, {}, {"max_length": 4, "padding": "max_length", "truncation": True}, False),
    "bytes_of_a_word": (True, {"max_bytes_per_word": 6}, {}, False),
    "bytes_of_a_word_slow": (True, {"max_bytes_per_word": 6, "use_fast_bert_tokenizer": False}, {}, False),
    "other_suffix": (True, {"suffix_indicator": "un"}, {}, False),
    "shortest": (True, {"max_length": 2}, {}, False),
    "shortest_pairs": (True, {"max_length": 3}, {}, True),
}


def arguments(options):
    """The texts of a set of options: alone, or each with one of the others."""
    return (TEXTS, [*TEXTS[7:], *TEXTS[:7]]) if options[3] else (TEXTS,)


# Calls of TFBertTokenizer(PIECES, True) beside these: arguments, and arguments by name.
CALLS = {
    "table_of_pairs": ([[["a b", "c"], ["d", "e f g"]]], {}),
    "table_of_three": ([[["a b", "c", "x"], ["d", "e f g", "y"]]], {}),
    "table_of_one": ([[["a b"], ["d"]]], {}),
    "one_text": (["hello"], {}),
    "pair_and_length": ([["a b"], ["c d"]], {"max_length": 5}),
    "padding_true": ([["a b"]], {"padding": True}),
    "padding_false": ([["a b"]], {"padding": False}),
    "padding_none_given": ([["a b"]], {"padding": "do_not_pad"}),
    "table_and_pair": ([[["a", "b"]], ["c"]], {}),
    "pair_of_another_length": ([["a b", "c"], ["d"]], {}),
    "no_texts": ([[]], {}),
    "numbers": ([[1, 2]], {}),
    "length_below_two": ([["a b c d"]], {"max_length": 1}),
    "length_zero": ([["a b c d"]], {"max_length": 0}),
}
CONSTRUCTORS = {
    "no_lower": ((PIECES,), {}),
    "id_zero": ((PIECES, True), {"cls_token_id": 0}),
    "no_cls": ((PIECES[:3] + PIECES[4:], True), {}),
    "no_unknown": (([p for p in PIECES if p != "[UNK]"], True), {}),
    "twice": (([*PIECES, "hello"], True), {}),
    "twice_slow": (([*PIECES, "hello"], True), {"use_fast_bert_tokenizer": False}),
    "unknown_option": ((PIECES, True), {"foo": 1}),
    "bad_padding": ((PIECES, True), {"padding": "longer"}),
    "no_pieces": (([], True), {}),
    "empty_piece": (([*PIECES, ""], True), {}),
    "length_of_one": ((PIECES, True), {"max_length": 1}),
}
