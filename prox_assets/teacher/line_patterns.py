"""Patterns of the line rules: what a line looks like, in English, German and Chinese."""

import re

POLICY = re.compile(
    r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies|javascript"
    r"|lorem ipsum"
)
INVITATION = re.compile(
    r"^(?:sign.?(?:in|up)|log.?in)\b|read more|continue reading|\b(?:in|to) (?:cart|basket)\b"
    r"|newsletter|subscribe"
    r"|weiterlesen|mehr lesen|warenkorb|anmelden|abonnieren"
    r"|阅读更多|閱讀更多|阅读全文|購物車|购物车|登录|登入|订阅|訂閱"
)
COUNTER = re.compile(
    r"[+(]?[\d.,]+\s*(?:k|m|mio|万|萬|次|条|個|个|楼|樓)?\+?\)?\s*(?:[^\W\d]+)?[:.]?"
    r"|[^\W\d]+\s*[:：(]\s*[\d.,]+k?\)?|(?:共|第|已有)?\s*\d+\s*[个個条條张張次人位楼樓]\w{0,4}",
    re.IGNORECASE,
)
MONTH = (
    r"jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    r"|sep(?:t|tember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
DATE = re.compile(
    r"\b\d{1,4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,4}|\b\d{1,2}:\d{2}\b|\d{4}\s?年\s?\d{1,2}\s?月"
    rf"|\b(?:{MONTH})\b\.?,?\s+'?\d{{1,4}}|\b\d{{1,2}}\.?\s+(?:{MONTH})\b"
    r"|\b\d+\s+\w+\s+ago\b|\bvor\s+\d+\s+\w+|\d+\s?(?:秒|分钟|分鐘|小时|小時|天|日|周|个月|個月|年)前",
    re.IGNORECASE,
)
SEPARATOR = re.compile(r"[|»«›‹•·●→←↑↓¦]|\s[/>]\s|::")
QUOTATION = re.compile(r"«[^«»]*»|»[^«»]*«|‹[^‹›]*›|›[^‹›]*‹")
BULLET = re.compile(r"[-–*•·►▪]\s+")
COPYRIGHT = re.compile(
    r"©|\(c\)\s*\d{4}|all rights reserved|rechte vorbehalten|版权所有|版權所有|\bcopyright\b", re.I
)
RIGHTS = re.compile(
    r"(?:written|express|prior) (?:permission|consent)|may not be reproduced|respective owners|trademarks? of"
    r"|vervielfältigung|schriftliche\w* (?:zustimmung|genehmigung)"
    r"|(?:不得|禁止|谢绝|請勿|请勿)\w{0,6}[转轉][载載]"
)
OF_ITSELF = re.compile(
    r"\b(?:this|our|the) (?:web)?(?:site|page|blog|newsletter|forum)\b"
    r"|\b(?:cookies|terms|privacy) (?:policy|of use)\b"
    r"|\b(?:diese[rsn]?|unsere[rsn]?) (?:web)?(?:seiten?|site|newsletters?|blog|forum)\b"
    r"|verwende[nt]\w* cookies"
    r"|本(?:站|网站|網站|网页|網頁|平台|公司|论坛|論壇)|使用\s?cookie"
)
TO_THE_VISITOR = re.compile(r"\b[Yy]ours?\b|\b[Yy]ou\b|\bSie\b|\bIhre?[nmrs]?\b|\b[Dd]eine?[nmrs]?\b|[您你]")
QUANTITY = re.compile(
    r"\d\s?(?:[mkµ]?g|[mcdk]?l|[mckµ]?m|oz|lbs?|tsp|tbsp|cups?|inch|°\s?[cf]?|%|percent|prozent|watt|volt|[kmg]hz|el|tl"
    r"|prise|stück|bund)\b|\d\s?(?:%|°|克|千克|公斤|毫升|升|厘米|毫米|米|度|勺|大勺|小勺|匙|瓣|片|斤)",
    re.IGNORECASE,
)
TRUNCATED = re.compile(r"(?:\.\.\.|…)[\])]?(?:\s*\S+){0,3}$")
CODE = re.compile(
    r"\(\)|\);|[{}]\s*$|\w\(\w*\)\.|</?[a-z]+[^>]*>|&[a-z]+;|px\b|==|\bfunction\(|/\w+/\S+\.\w+", re.I
)
TRACKING = re.compile(
    r"googletag|\bgtag\(|dataLayer|_gaq\b|adsbygoogle|\bfbq\(|\bga\(['\"]"
    r"|window\.\w+ ?= ?window\.|\(function ?\([^)]*\) ?\{ ?var "
)
RATING = re.compile(r"[★☆]{2,}")
HANDLE = re.compile(
    r"(?:^|\s)@?(?:[a-z]{3,}\d{2,}|[a-z\d]*[a-z][a-z\d]*_[a-z\d]+|[a-z]{2,}\.[a-z]{2,})(?=[\s:]|$)",
    re.IGNORECASE,
)
SYMBOL_RUN = re.compile(r"([−—_=*~#.-])\1{3,}")
FORMULA = re.compile(r"\\[a-zA-Z]+|\$[^$]+\$|[=∑∫≤≥∈√∞≠≈⇒]")
MACRO = re.compile(r"\\[a-zA-Z]+")
LAYOUT_MACRO = re.compile(
    r"\\(?:label|(?:eq|page|auto)?ref|cite\w*|[hv]box|[hv]space|[hv]fill|includegraphics|usepackage|documentclass"
    r"|newcommand|renewcommand|def|input|newpage|clearpage|noindent|(?:display|text|script|scriptscript)style)\b"
)
MOJIBAKE = re.compile(r"[ÃÂ][\x80-\xbf™šž¼½¾¤¶Ÿ„œ]|â[€„ˆ‰Š‡†]|ï¿½|�|[äåæçèé][\x80-\xbf]{1,2}")
