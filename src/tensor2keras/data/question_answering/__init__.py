"""Answers to questions about a text: SQuAD and bAbI."""

from tensor2keras.data.question_answering import babi_qa, squad
