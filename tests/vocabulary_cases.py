"""The vocabulary and the two kinds of tokenizer that most tests of the tokenizer use."""

from bertlab.tokenizer import BertTokenizer, BertTokenizerFast

TOKENS = """[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat on mat a un ##aff ##able hello world do not n ' t . , ! ?
cafe paris is big new ##s""".split()


KINDS = [BertTokenizer, BertTokenizerFast]
