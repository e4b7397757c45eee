"""The plain reference for texts: TF-IDF of words and pairs of words, and a logistic regression."""

from measured import show, target, test, train
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def texts(split):
    return [row["text"] for row in split.rows]


vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
reference = make_pipeline(vectorizer, LogisticRegression(C=3, max_iter=1000))
reference.fit(texts(train), target.encode(train.target, train.features))
output = reference.predict_proba(texts(test))
show("TF-IDF of words and pairs, logistic regression (C = 3)", output)
