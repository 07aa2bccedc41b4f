r"""Blocks as they stand in pages about programs, figures and formulas, each of one kind."""

BEFORE = (
    "The tool reads a file and counts how often each of its words is used. It was written because the\n"
    "counts of the older one were wrong wherever a word was followed by a comma."
)
AFTER = (
    "As you can see, the result is a list of pairs, and the most frequent word comes first in it. If two\n"
    "words are as frequent as each other, the one that was seen first in the file stands before the other."
)
FENCE = """\
```python
def count(path):
    words = open(path).read().split()

    return Counter(words)
```"""
TILDES = """\
~~~
$ count words.txt
the 12
of 7
~~~"""
INDENTED = """\
    from collections import Counter

    def count(path):
        # one word at a time
        for word in open(path).read().split():
            yield word

    print(count("words.txt"))"""
SHELL = """\
    pip install count
    count --help"""
PLAIN_C = """\
#include <stdio.h>
int main(void) {
  int total = 0;
  while (getchar() != EOF) {
    total++;
  }
  printf("%d", total);
}"""
FLAT_PHP = """\
$ch = curl_init();
$timeout = 5;
curl_setopt($ch, CURLOPT_URL, $url);
$data = curl_exec($ch);
echo $data;
}"""
JSON = """\
{
  "name": "count",
  "version": 3,
  "words": ["the", "of"]
}"""
TABLE = """\
| option | meaning | default |
|--------|:-------:|---------|
| -n     | words   | 10      |
| -r     | reverse | no      |
| -q     | quiet   | no      |"""
PSQL = """\
 word | count
------+-------
 the  |    12
 of   |     7"""
COLUMNS = """\
Word       Count   Share
the           12    0.12
of             7    0.07
reader         1    0.01"""
ALIGN = r"""\begin{align}
p(w) &= \frac{n_w}{n} \\
H &= -\sum_w p(w) \log p(w)
\end{align}"""
DISPLAY = r"""$$
H = -\sum_w p(w) \log p(w)
$$"""
BLOCKS = [FENCE, TILDES, INDENTED, SHELL, PLAIN_C, FLAT_PHP, JSON, TABLE, PSQL, COLUMNS, ALIGN, DISPLAY]
