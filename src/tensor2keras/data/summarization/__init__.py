"""Summarization of news: CNN / DailyMail."""

from tensor2keras.data.summarization import cnn_dailymail
