"""A small labelled set, as the tests of Data judge it."""

ROWS = [
    {"review": "the cat sat on the mat.", "stars": "positive", "place": "paris"},
    {"review": "the dog chased the cat up the tree", "stars": "negative", "place": "london"},
    {"review": "who wrote it?", "stars": "negative", "place": "paris"},
    {"review": "the river bank was muddy " * 30, "stars": "positive", "place": "london"},
    {"review": "شكرا", "stars": "positive", "place": "paris"},
    {"review": "東京", "stars": "negative", "place": "paris"},
    {"review": "she ran down", "stars": "positive", "place": "london"},
]


COLUMNS = {"text": "review", "label": "stars"}
