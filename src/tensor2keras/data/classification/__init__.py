"""Classification and regression of text: GLUE and IMDB."""

from tensor2keras.data.classification import glue, imdb
