#!/usr/bin/env python3
"""Makes the three sample PDFs of this folder; two runs give the same bytes.

    python3 generate.py [OUTPUT_FOLDER]

All persons, companies, numbers and addresses in them are invented.
Needs reportlab, pikepdf and the Liberation Serif 2.x fonts (see README.md).
"""

import io
import os
import sys
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, String
from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

rl_config.useA85 = 0
rl_config.ttfAsciiReadable = 0          # embed only the glyphs that are shown
rl_config.invariant = 1

PAGE_W, PAGE_H = A4
MM = 72 / 25.4
STAMP = "2026-01-12T08:00:00+07:00"
STAMP_PDF = "D:20260112080000+07'00'"
SAMPLE_MARK = "MẪU – KHÔNG CÓ GIÁ TRỊ"

# The single-letter styles used all over this file.
FACES = {"r": "Regular", "b": "Bold", "i": "Italic", "z": "BoldItalic"}
FONTS = {k: "LiberationSerif-" + v for k, v in FACES.items()}


def font_folder():
    """The folder of Liberation Serif 2.x (1.x is under another licence)."""
    folders = [os.environ.get("LIBERATION_FONT_DIR")] + [
        root + sub
        for root in ("/usr/share/fonts/truetype/", "/usr/local/share/fonts/truetype/")
        for sub in ("liberation2", "liberation")
    ]
    for folder in filter(None, folders):
        regular = Path(folder) / "LiberationSerif-Regular.ttf"
        if regular.is_file():
            if TTFont("probe", str(regular)).face.fontRevision[0] >= 2:
                return Path(folder)
    sys.exit("Liberation Serif 2.x not found: install it (see README.md) "
             "or set LIBERATION_FONT_DIR")


def register_fonts():
    folder = font_folder()
    for name in FONTS.values():
        pdfmetrics.registerFont(TTFont(name, str(folder / (name + ".ttf"))))


def width(text, style, size):
    return pdfmetrics.stringWidth(text, FONTS[style], size)


def spell(text):
    """Every string that is shown passes here: NFC only, every glyph there."""
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("not NFC: " + text)
    known = pdfmetrics.getFont(FONTS["r"]).face.charToGlyph
    missing = [c for c in text if ord(c) not in known]
    if missing:
        raise ValueError("no glyph for %r in %s" % (missing, text))
    return text


# --------------------------------------------------------------- rich text

def runs(text, base="r"):
    """'plain *bold* ~italic~' -> [(style, text), ...]; U+00A0 does not break."""
    out, style, buf = [], base, ""
    for ch in spell(text):
        if ch in "*~":
            out.append((style, buf))
            buf = ""
            other = "b" if ch == "*" else "i"
            style = other if style == base else base
        else:
            buf += ch
    out.append((style, buf))
    return [(s, t) for s, t in out if t]


def words(pieces):
    """Splits runs at spaces: each word is itself a list of (style, text)."""
    out, word = [], []
    for style, text in pieces:
        parts = text.split(" ")
        for n, part in enumerate(parts):
            if n:
                out.append(word)
                word = []
            if part:
                word.append((style, part))
    out.append(word)
    return [w for w in out if w]


def word_width(word, size):
    return sum(width(t, s, size) for s, t in word)


def wrap(text, size, measure, base="r", indent=0.0):
    """Greedy line breaking: [(words, natural width), ...]."""
    space = width(" ", base, size)
    lines, line, used = [], [], 0.0
    limit = measure - indent
    for word in words(runs(text, base)):
        w = word_width(word, size)
        if line and used + space + w > limit + 0.01:
            lines.append((line, used))
            line, used, limit = [], 0.0, measure
        used += (space if line else 0) + w
        line = line + [word]
    lines.append((line, used))
    return lines


# ---------------------------------------------------------------- document

class Elem:
    """A node of the structure tree (tagged PDF)."""

    def __init__(self, role, attrs=None):
        self.role, self.attrs, self.kids = role, attrs or {}, []


class Doc:
    """A reportlab canvas that also records structure, and form fields."""

    def __init__(self, title, subject, keywords, left, right, top, bottom, folio=None):
        self.title, self.subject, self.keywords = map(spell, (title, subject, keywords))
        self.left, self.right = left, PAGE_W - right
        self.top, self.bottom = PAGE_H - top, bottom
        self.folio = folio                      # number of pages, or None
        self.buf = io.BytesIO()
        self.c = Canvas(self.buf, pagesize=A4, pageCompression=1, invariant=1)
        self.root = Elem("Document")
        self.stack, self.open_leaf = [self.root], None
        self.page, self.marks = 0, [[]]         # marks[page][mcid] -> Elem
        self.fields, self.places = [], []
        self.y = self.top

    @property
    def measure(self):
        return self.right - self.left

    # -- structure
    def _code(self, op):
        self.c._code.append(op)

    def _begin(self, elem):
        mcid = len(self.marks[self.page])
        self.marks[self.page].append(elem)
        elem.kids.append(("mcr", self.page, mcid))
        self._code("/%s <</MCID %d>> BDC" % (elem.role, mcid))

    @contextmanager
    def group(self, role, **attrs):
        elem = Elem(role, attrs)
        self.stack[-1].kids.append(elem)
        self.stack.append(elem)
        yield elem
        self.stack.pop()

    @contextmanager
    def leaf(self, role="P", **attrs):
        with self.group(role, **attrs) as elem:
            self._begin(elem)
            self.open_leaf = elem
            yield elem
            self.open_leaf = None
            self._code("EMC")

    @contextmanager
    def artifact(self, kind=""):
        self._code("/Artifact <<%s>> BDC" % kind if kind else "/Artifact BMC")
        yield
        self._code("EMC")

    # -- pages
    def _footer(self):
        with self.artifact("/Type /Pagination /Subtype /Footer"):
            y = self.bottom - 20
            self.put(self.left, y, SAMPLE_MARK, "r", 8, gray=0.55)
            if self.folio:
                self.put(self.right, y, "Trang %d/%d" % (self.page + 1, self.folio),
                         "r", 10, align="r", gray=0.25)

    def new_page(self):
        if self.open_leaf:
            self._code("EMC")
        self._footer()
        self.c.showPage()
        self.page += 1
        self.marks.append([])
        self.y = self.top
        if self.open_leaf:
            self._begin(self.open_leaf)

    # -- drawing
    def put(self, x, y, text, style="r", size=12, align="l", gray=0.0):
        spell(text)
        if align != "l":
            w = width(text, style, size)
            x -= w if align == "r" else w / 2
        t = self.c.beginText(x, y)
        t.setFillGray(gray)
        t.setFont(FONTS[style], size)
        t.textOut(text)
        self.c.drawText(t)

    def line_of_words(self, x, y, line, size, base="r", extra=0.0):
        merged = []
        for n, word in enumerate(line):
            pieces = list(word)
            if n:
                pieces.insert(0, (word[0][0] if word[0][0] == line[n - 1][-1][0]
                                  else base, " "))
            for style, text in pieces:
                if merged and merged[-1][0] == style:
                    merged[-1][1] += text
                else:
                    merged.append([style, text])
        t = self.c.beginText(x, y)
        t.setFillGray(0)
        t.setWordSpace(extra)
        for style, text in merged:
            t.setFont(FONTS[style], size)
            t.textOut(text)
        self.c.drawText(t)

    def para(self, text, size=12, leading=None, base="r", indent=0.0, align="j",
             role="P", before=0.0, after=0.0, x=None, measure=None):
        """A paragraph at the cursor; may run over to a new page."""
        leading = leading or size * 1.25
        x = self.left if x is None else x
        measure = measure or self.right - x
        lines = wrap(text, size, measure, base, indent)
        self.y -= before
        # No single line of a paragraph is left alone on either page.
        room = int((self.y - self.bottom) / leading + 1e-6)
        brk = None
        if room < len(lines):
            brk = min(room, len(lines) - 2) if len(lines) > 3 else 0
            brk = 0 if brk < 2 else brk
        if brk == 0:
            self.new_page()
        with self.leaf(role):
            for n, (line, used) in enumerate(lines):
                if n and n == brk:
                    self.new_page()
                self.y -= leading
                first = indent if n == 0 else 0.0
                slack, extra, dx = measure - first - used, 0.0, first
                gaps = sum(t.count("\u00a0") for w in line for _, t in w) + len(line) - 1
                if align == "j" and n < len(lines) - 1 and gaps:
                    extra = slack / gaps
                elif align == "c":
                    dx = slack / 2
                self.line_of_words(x + dx, self.y, line, size, base, extra)
        self.y -= after

    def rule(self, x1, x2, y, weight=0.7, dash=None, gray=0.0):
        with self.artifact():
            self.c.saveState()
            self.c.setLineWidth(weight)
            self.c.setStrokeGray(gray)
            if dash:
                self.c.setDash(*dash)
            self.c.line(x1, y, x2, y)
            self.c.restoreState()

    def box(self, x, y, w, h, weight=0.6, gray=0.0, fill=None):
        with self.artifact():
            self.c.saveState()
            self.c.setLineWidth(weight)
            self.c.setStrokeGray(gray)
            if fill is not None:
                self.c.setFillGray(fill)
            self.c.rect(x, y, w, h, stroke=1 if weight else 0, fill=fill is not None)
            self.c.restoreState()

    def centred(self, x, y, text, style, size, role="P", gray=0.0):
        with self.leaf(role):
            self.put(x, y, text, style, size, align="c", gray=gray)

    # -- form fields: collected here, written by finish()
    def field(self, kind, name, rect, label, **more):
        name.encode("ascii")
        more.update(kind=kind, name=name, rect=[round(v, 2) for v in rect],
                    label=spell(label), page=self.page)
        with self.group("Form") as elem:
            elem.kids.append(("objr", len(self.fields)))
        more["elem"] = elem
        self.fields.append(more)

    def place(self, what, rect):
        """Remembers an empty place where a signature can be shown."""
        self.places.append((what, self.page + 1, [round(v) for v in rect]))


def heading(d, org, size=12, number=None, place_date=None, right_w=268, bold=1):
    """National heading right, body's name left, as in Decree 30/2020."""
    left_w = d.measure - right_w
    cl, cr = d.left + left_w / 2 - 4, d.right - right_w / 2
    pitch = size * 1.3
    y = d.top - size
    for n, line in enumerate(org):
        d.centred(cl, y - n * pitch, line, "b" if n >= len(org) - bold else "r", size)
    bar = width(org[-1], "b", size) * 0.42
    d.rule(cl - bar / 2, cl + bar / 2, y - (len(org) - 1) * pitch - 6.3)
    if number:
        d.centred(cl, y - (len(org) - 1) * pitch - 23, number, "r", size)
    d.centred(cr, y, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "b", size)
    motto = "Độc lập - Tự do - Hạnh phúc"
    d.centred(cr, y - pitch, motto, "b", size + 1)
    w = width(motto, "b", size + 1)
    d.rule(cr - w / 2, cr + w / 2, y - pitch - 6.3)
    if place_date:
        d.centred(cr, y - pitch - 23, place_date, "i", size + 0.5)
    d.y = y - max(pitch, (len(org) - 1) * pitch) - 22


def table(d, widths, aligns, head, rows, size=11, pad=4.0, leading=None,
          head_fill=0.93, sub=None):
    """A ruled table; rows of str, or of (text, colspan) cells with style."""
    leading = leading or size * 1.22
    xs = [d.left]
    for w in widths:
        xs.append(xs[-1] + w)
    heads = [[(t, 1, "c", "b") for t in head]]
    if sub:
        heads.append([(t, 1, "c", "i") for t in sub])
    body = [[(t, 1, a, "r") if isinstance(t, str) else t for t, a in
             (zip(row, aligns) if isinstance(row[0], str) else ((c, "l") for c in row))]
            for row in rows]
    with d.group("Table"):
        for nrow, row in enumerate(heads + body):
            is_head = nrow < len(heads)
            col, cells, tall = 0, [], 1
            for text, span, align, base in row:
                w = xs[col + span] - xs[col]
                lines = wrap(text, size, w - 2 * pad, base) if text else []
                cells.append((col, span, align, base, w, lines))
                tall = max(tall, len(lines))
                col += span
            gap = 3.0 if is_head and sub and nrow == 1 else 5.0
            h = tall * leading + gap
            bottom = d.y - h
            for col, span, align, base, w, lines in cells:
                d.box(xs[col], bottom, w, h, 0.5,
                      fill=head_fill if is_head and nrow == 0 else None)
            with d.group("TR"):
                for col, span, align, base, w, lines in cells:
                    attrs = {"ColSpan": span} if span > 1 else {}
                    if is_head:
                        attrs["Scope"] = Name.Column
                    with d.leaf("TH" if is_head else "TD", **attrs):
                        y = d.y - (h - len(lines) * leading) / 2 - leading + leading * 0.27
                        for line, used in lines:
                            dx = {"l": pad, "r": w - pad - used,
                                  "c": (w - used) / 2}[align]
                            d.line_of_words(xs[col] + dx, y, line, size, base)
                            y -= leading
            d.y = bottom


# ----------------------------------------------------- finishing in pikepdf

FORM_FONT = "LibSerif"
INK = "0.05 0.1 0.42 rg"


class FormFont:
    """Liberation Serif as a Type 0 font, with every Vietnamese letter, so that
    a viewer can show again a field whose value was changed."""

    def __init__(self, pdf):
        face = pdfmetrics.getFont(FONTS["r"]).face
        letters = "ĂăÂâĐđÊêÔôƠơƯư" + "".join(map(chr, range(0x1EA0, 0x1EFA)))
        letters += "ÀÁÃÈÉÌÍÒÓÕÙÚÝàáãèéìíòóõùúýĨĩŨũ–“”…"
        codes = [ord(c) for c in map(chr, range(32, 127))] + sorted(map(ord, set(letters)))
        self.cid, seen = {}, {}
        for code in codes:                      # same numbering as makeSubset
            glyph = face.charToGlyph[code]
            self.cid[code] = seen.setdefault(glyph, len(seen) + 1)
        self.width = {c: face.getCharWidth(c) for c in codes}
        program = face.makeSubset(codes)
        base = Name("/KYSOFM+LiberationSerif")
        stream = pdf.make_stream(program, Length1=len(program))
        descriptor = pdf.make_indirect(Dictionary(
            Type=Name.FontDescriptor, FontName=base, Flags=6,
            FontBBox=[round(v) for v in face.bbox], ItalicAngle=0,
            Ascent=round(face.ascent), Descent=round(face.descent),
            CapHeight=round(face.capHeight), StemV=round(face.stemV),
            FontFile2=stream))
        by_cid = {n: c for c, n in reversed(list(self.cid.items()))}
        cids = sorted(by_cid)
        pairs = ["<%04X> <%04X>" % (n, by_cid[n]) for n in cids]
        cmap = ["/CIDInit /ProcSet findresource begin", "12 dict begin", "begincmap",
                "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
                "/CMapName /Adobe-Identity-UCS def", "/CMapType 2 def",
                "1 begincodespacerange", "<0000> <FFFF>", "endcodespacerange"]
        for n in range(0, len(pairs), 100):
            part = pairs[n:n + 100]
            cmap += ["%d beginbfchar" % len(part)] + part + ["endbfchar"]
        cmap += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
        self.ref = pdf.make_indirect(Dictionary(
            Type=Name.Font, Subtype=Name.Type0, BaseFont=base,
            Encoding=Name("/Identity-H"),
            ToUnicode=pdf.make_stream("\n".join(cmap).encode()),
            DescendantFonts=[pdf.make_indirect(Dictionary(
                Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=base,
                CIDSystemInfo=Dictionary(Registry=String("Adobe"),
                                         Ordering=String("Identity"), Supplement=0),
                FontDescriptor=descriptor, DW=1000, CIDToGIDMap=Name.Identity,
                W=[1, Array([round(self.width[by_cid[n]]) for n in cids])]))]))

    def hex(self, text):
        return "<" + "".join("%04X" % self.cid[ord(c)] for c in spell(text)) + ">"

    def measure(self, text, size):
        return sum(self.width[ord(c)] for c in text) * size / 1000


def form_xobject(pdf, w, h, content, resources=None):
    return pdf.make_stream(content.encode("ascii"), Type=Name.XObject,
                           Subtype=Name.Form, BBox=[0, 0, round(w, 2), round(h, 2)],
                           Resources=resources or Dictionary())


def text_appearance(pdf, font, f, w, h):
    value, size, q = f.get("value", ""), f["size"], f.get("q", 0)
    ops = []
    if f.get("multiline"):
        leading, y = size * 1.149, h - 2 - size * 0.891
        for line, _ in wrap(value, size, w - 6) if value else []:
            text = " ".join("".join(t for _, t in word) for word in line)
            ops.append("1 0 0 1 3 %.2f Tm %s Tj" % (y, font.hex(text)))
            y -= leading
    elif f.get("comb"):
        cell, y = w / f["comb"], (h - size) / 2 + size * 0.216
        for n, ch in enumerate(value):
            x = cell * n + (cell - font.measure(ch, size)) / 2
            ops.append("1 0 0 1 %.2f %.2f Tm %s Tj" % (x, y, font.hex(ch)))
    elif value:
        used = font.measure(value, size)
        if used > w - 4:
            raise ValueError("%s: value too long for its field" % f["name"])
        x = [2, (w - used) / 2, w - 2 - used][q]
        y = (h - size) / 2 + size * 0.216
        ops.append("1 0 0 1 %.2f %.2f Tm %s Tj" % (x, y, font.hex(value)))
    body = "/Tx BMC\n"
    if ops:
        body += "q 0 0 %.2f %.2f re W n\nBT /%s %g Tf %s\n%s\nET Q\n" % (
            w, h, FORM_FONT, size, INK, "\n".join(ops))
    body += "EMC\n"
    return form_xobject(pdf, w, h, body,
                        Dictionary(Font=Dictionary({"/" + FORM_FONT: font.ref})))


def check_appearance(pdf, w, h, on):
    body = "q 0.6 w 0 G 0.3 0.3 %.2f %.2f re S Q\n" % (w - 0.6, h - 0.6)
    if on:
        body += ("q 1.3 w 1 J 1 j %s %.2f %.2f m %.2f %.2f l %.2f %.2f l S Q\n" % (
            INK.replace("rg", "RG"), w * .22, h * .50, w * .42, h * .27, w * .80, h * .78))
    return form_xobject(pdf, w, h, body)


def write_form(pdf, d, annots):
    font = FormFont(pdf)
    for f, annot in zip(d.fields, annots):
        x1, y1, x2, y2 = f["rect"]
        w, h = x2 - x1, y2 - y1
        annot.T, annot.TU = String(f["name"]), String(f["label"])
        annot.Rect, annot.F = Array([x1, y1, x2, y2]), 4
        kind = f["kind"]
        if kind == "sig":
            annot.FT = Name.Sig                 # no /V, no /AP: not yet signed
            continue
        if kind == "check":
            annot.FT = Name.Btn
            annot.MK = Dictionary(CA=String("4"))
            annot.AP = Dictionary(N=Dictionary(
                Yes=check_appearance(pdf, w, h, True),
                Off=check_appearance(pdf, w, h, False)))
            annot.V = annot.AS = Name.Yes if f["value"] else Name.Off
            continue
        annot.DA = String("/%s %g Tf %s" % (FORM_FONT, f["size"], INK))
        annot.Q = f.get("q", 0)
        if kind == "text":
            annot.FT = Name.Tx
            flags = (1 << 12 if f.get("multiline") else 0) | (1 << 24 if f.get("comb") else 0)
            if flags:
                annot.Ff = flags
            if f.get("comb"):
                annot.MaxLen = f["comb"]
        else:
            annot.FT, annot.Ff = Name.Ch, 1 << 17        # a drop-down
            annot.Opt = Array([String(spell(o)) for o in f["options"]])
            annot.I = Array([f["options"].index(f["value"])])
        if f.get("value"):
            annot.V = String(f["value"])
        annot.AP = Dictionary(N=text_appearance(pdf, font, f, w, h))
    form = Dictionary(
        Fields=Array(annots), DA=String("/%s 12 Tf %s" % (FORM_FONT, INK)),
        DR=Dictionary(Font=Dictionary({"/" + FORM_FONT: font.ref})))
    if any(f["kind"] == "sig" for f in d.fields):
        form.SigFlags = 1
    pdf.Root.AcroForm = pdf.make_indirect(form)


def write_structure(pdf, d, annots):
    pages = [p.obj for p in pdf.pages]
    tree_root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    refs = {}

    def build(elem, parent):
        me = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name("/" + elem.role),
                                          P=parent))
        refs[id(elem)] = me
        table_attrs = {k: v for k, v in elem.attrs.items() if k in ("ColSpan", "Scope")}
        if table_attrs:
            me.A = Dictionary(O=Name.Table, **table_attrs)
        kids = []
        home = next((k[1] for k in elem.kids if isinstance(k, tuple) and k[0] == "mcr"), None)
        if home is not None:
            me.Pg = pages[home]
        for kid in elem.kids:
            if isinstance(kid, Elem):
                kids.append(build(kid, me))
            elif kid[0] == "objr":
                field = d.fields[kid[1]]
                kids.append(Dictionary(Type=Name.OBJR, Obj=annots[kid[1]],
                                       Pg=pages[field["page"]]))
            elif kid[1] == home:
                kids.append(kid[2])
            else:
                kids.append(Dictionary(Type=Name.MCR, Pg=pages[kid[1]], MCID=kid[2]))
        me.K = kids[0] if len(kids) == 1 else Array(kids)
        return me

    tree_root.K = build(d.root, tree_root)
    nums = []
    for n, (page, marks) in enumerate(zip(pages, d.marks)):
        page.StructParents, page.Tabs = n, Name.S
        nums += [n, pdf.make_indirect(Array([refs[id(e)] for e in marks]))]
    for n, (f, annot) in enumerate(zip(d.fields, annots), len(pages)):
        annot.StructParent = n
        nums += [n, refs[id(f["elem"])]]
    tree_root.ParentTree = pdf.make_indirect(Dictionary(Nums=Array(nums)))
    tree_root.ParentTreeNextKey = len(pages) + len(annots)
    pdf.Root.StructTreeRoot = tree_root
    pdf.Root.MarkInfo = Dictionary(Marked=True)


XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>kyso</rdf:li></rdf:Seq></dc:creator>
<dc:language><rdf:Bag><rdf:li>vi-VN</rdf:li></rdf:Bag></dc:language>
<pdf:Keywords>{keywords}</pdf:Keywords>
<pdf:Producer>reportlab, pikepdf</pdf:Producer>
<xmp:CreatorTool>samples/generate.py</xmp:CreatorTool>
<xmp:CreateDate>{stamp}</xmp:CreateDate>
<xmp:ModifyDate>{stamp}</xmp:ModifyDate>
<xmp:MetadataDate>{stamp}</xmp:MetadataDate>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def finish(d, path, object_streams):
    d._footer()
    d.c.showPage()
    d.c.save()
    if d.folio and d.folio != d.page + 1:
        raise ValueError("%s: %d pages, not %d" % (path.name, d.page + 1, d.folio))
    with pikepdf.open(io.BytesIO(d.buf.getvalue())) as pdf:
        for key in list(pdf.docinfo.keys()):
            del pdf.docinfo[key]
        for key, value in (("Title", d.title), ("Subject", d.subject),
                           ("Keywords", d.keywords), ("Author", "kyso"),
                           ("Creator", "samples/generate.py"),
                           ("Producer", "reportlab, pikepdf"),
                           ("CreationDate", STAMP_PDF), ("ModDate", STAMP_PDF)):
            pdf.docinfo["/" + key] = String(value)
        root = pdf.Root
        for key in ("/Outlines", "/PageMode"):
            if key in root:
                del root[key]
        root.Lang = String("vi-VN")
        root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        root.Metadata = pdf.make_stream(
            XMP.format(title=d.title, subject=d.subject, keywords=d.keywords,
                       stamp=STAMP).encode("utf-8"),
            Type=Name.Metadata, Subtype=Name.XML)
        annots = [pdf.make_indirect(Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, P=pdf.pages[f["page"]].obj))
            for f in d.fields]
        for n, page in enumerate(pdf.pages):
            for key in ("/Trans", "/Rotate"):
                if key in page.obj:
                    del page.obj[key]
            # reportlab starts each page by selecting a Helvetica it never shows.
            body = page.obj.Contents.read_bytes()
            start = b"1 0 0 1 0 0 cm  BT /F1 12 Tf 14.4 TL ET\n"
            if not body.startswith(start) or b"/F1 " in body[len(start):]:
                raise ValueError("unexpected start of a page: %r" % body[:80])
            page.obj.Contents = pdf.make_stream(body[len(start):])
            if "/F1" in page.obj.Resources.Font:
                del page.obj.Resources.Font["/F1"]
            mine = [a for a, f in zip(annots, d.fields) if f["page"] == n]
            if mine:
                page.obj.Annots = Array(mine)
        if annots:
            write_form(pdf, d, annots)
        write_structure(pdf, d, annots)
        pdf.remove_unreferenced_resources()
        mode = (pikepdf.ObjectStreamMode.generate if object_streams
                else pikepdf.ObjectStreamMode.disable)
        pdf.save(path, deterministic_id=True, object_stream_mode=mode,
                 compress_streams=True, recompress_flate=True, force_version="1.7",
                 fix_metadata_version=False)
    print("%s: %d bytes" % (path.name, path.stat().st_size))
    for f in d.fields:
        print("  field %-24s %-6s page %d %s" % (f["name"], f["kind"], f["page"] + 1, f["rect"]))
    for what, page, rect in d.places:
        print("  place for a signature: %s, page %d, %s" % (what, page, rect))


# ------------------------------------------------------------ amounts

def money(n):
    return "{:,}".format(n).replace(",", ".")


DIGITS = "không một hai ba bốn năm sáu bảy tám chín".split()


def triple(n, full):
    """0..999 in words; full: also say the zeros in front."""
    h, t, u = n // 100, n // 10 % 10, n % 10
    out = []
    if h or full:
        out += [DIGITS[h], "trăm"]
    if t > 1:
        out += [DIGITS[t], "mươi"]
    elif t == 1:
        out += ["mười"]
    elif u and out:
        out += ["linh"]
    if u == 1 and t > 1:
        out += ["mốt"]
    elif u == 5 and t:
        out += ["lăm"]
    elif u:
        out += [DIGITS[u]]
    return out


def amount_in_words(n):
    out = []
    for scale, unit in ((10 ** 9, "tỷ"), (10 ** 6, "triệu"), (10 ** 3, "nghìn"), (1, "")):
        part = n // scale % 1000
        if part:
            out += triple(part, bool(out)) + ([unit] if unit else [])
    text = " ".join(out)
    return text[0].upper() + text[1:] + " đồng"


# ------------------------------------------------------------ the e-form

def to_khai(path):
    d = Doc("Tờ khai xác nhận thông tin về cư trú (mẫu)",
            "Biểu mẫu điện tử tiếng Việt có trường nhập liệu và ô chữ ký trống",
            "kyso, mẫu, tờ khai, cư trú, AcroForm, chữ ký số",
            left=30 * MM, right=15 * MM, top=17 * MM, bottom=19 * MM)
    heading(d, ["CÔNG AN THÀNH PHỐ MẪU", "CÔNG AN PHƯỜNG HOA SEN"],
            number="Mẫu số: TK-CT/00",
            place_date="Hoa Sen, ngày 12 tháng 01 năm 2026")
    size, pitch = 12, 23
    mid = (d.left + d.right) / 2
    d.y -= 38
    d.centred(mid, d.y, "TỜ KHAI", "b", 14, role="H1")
    d.y -= 18
    d.centred(mid, d.y, "Xác nhận thông tin về cư trú", "b", 13)

    def label(x, text, style="r"):
        with d.leaf("P"):
            pieces = words(runs(text, style))
            d.line_of_words(x, d.y, pieces, size, style)
        return x + sum(word_width(w, size) for w in pieces) \
            + (len(pieces) - 1) * width(" ", style, size) + 5

    def entry(x, x2, name, text, kind="text", shown=None, **more):
        """Label, then a field on a dotted line up to x2."""
        x = label(x, text)
        d.rule(x, x2, d.y - 3, 0.5, dash=([0.6, 2],), gray=0.25)
        d.field(kind, name, [x, d.y - 5, x2, d.y + 12], shown or text.strip(" :0123456789."),
                size=size, **more)

    def id_boxes(x, x2, name, text, value):
        x = label(x, text)
        cell, top = 15.0, d.y + 11.5
        x = x2 - cell * 12
        with d.artifact():
            d.c.saveState()
            d.c.setLineWidth(0.5)
            d.c.rect(x, top - 16.5, cell * 12, 16.5)
            for n in range(1, 12):
                d.c.line(x + n * cell, top - 16.5, x + n * cell, top)
            d.c.restoreState()
        d.field("text", name, [x, top - 16.5, x2, top], text.strip(" :0123456789."),
                size=size, comb=12, value=value)

    L, R = d.left, d.right
    d.y -= 30
    x = L + 70
    entry(x, R - 50, "KinhGui", "Kính gửi:", value="Công an phường Hoa Sen, thành phố Mẫu")
    d.y -= 27
    entry(L, R, "HoTen", "1. Họ, chữ đệm và tên:", value="NGUYỄN VĂN AN")
    d.y -= pitch
    entry(L, L + 300, "NgaySinh", "2. Ngày, tháng, năm sinh:", value="02/09/1990")
    entry(L + 310, R, "GioiTinh", "3. Giới tính:", kind="choice",
          options=["Nam", "Nữ", "Khác"], value="Nam")
    d.y -= pitch
    id_boxes(L, R, "SoDinhDanh", "4. Số định danh cá nhân:", "000000000001")
    d.y -= pitch
    entry(L, L + 222, "SoDienThoai", "5. Điện thoại:", value="0000 000 001")
    entry(L + 232, R, "Email", "6. Email:", value="nguyenvanan@vidu.example")
    d.y -= pitch
    entry(L, R, "NoiThuongTru", "7. Nơi thường trú:",
          value="Số 1, đường Ví Dụ, phường Hoa Sen, thành phố Mẫu")
    d.y -= pitch
    entry(L, R, "NoiOHienTai", "8. Nơi ở hiện tại:",
          value="Số 1, đường Ví Dụ, phường Hoa Sen, thành phố Mẫu")
    d.y -= pitch
    entry(L, R, "HoTenChuHo", "9. Họ, chữ đệm và tên chủ hộ:", value="NGUYỄN VĂN BÌNH")
    d.y -= pitch
    entry(L, L + 300, "QuanHeChuHo", "10. Quan hệ với chủ hộ:", kind="choice",
          options=["Chủ hộ", "Vợ", "Chồng", "Con đẻ", "Con nuôi", "Cha đẻ", "Mẹ đẻ",
                   "Người ở nhờ", "Người thuê nhà"], value="Con đẻ")
    d.y -= pitch
    id_boxes(L, R, "SoDinhDanhChuHo", "11. Số định danh cá nhân của chủ hộ:", "000000000002")
    d.y -= pitch
    label(L, "12. Nội dung đề nghị:")
    h = 47
    d.box(L, d.y - 7 - h, R - L, h, 0.5)
    d.field("text", "NoiDungDeNghi", [L + 1, d.y - 6 - h, R - 1, d.y - 8],
            "Nội dung đề nghị", size=size, multiline=True,
            value="Đề nghị xác nhận thông tin về cư trú của tôi và vợ tại địa chỉ nêu "
                  "ở mục 7, kể từ ngày 01 tháng 7 năm 2020 đến nay, để bổ sung hồ sơ "
                  "đăng ký nhập học cho con.")
    d.y -= 7 + h + 20
    label(L, "13. Những thành viên trong hộ gia đình cùng đề nghị xác nhận:")
    d.y -= 8

    # The table of members: its cells are fields.
    cols = [("TT", 28, None), ("Họ, chữ đệm và tên", 150, "HoTen"),
            ("Ngày, tháng, năm\u00a0sinh", 92, "NgaySinh"),
            ("Số định danh cá\u00a0nhân", 105, "SoDinhDanh"), ("Quan hệ với người khai", 0, "QuanHe")]
    ws = [c[1] for c in cols]
    ws[-1] = d.measure - sum(ws)
    values = {1: ["TRẦN THỊ CÚC", "15/05/1992", "000000000003", "Vợ"], 2: [""] * 4}
    th, tr, hs = 30, 19.5, 11
    with d.group("Table"):
        x = L
        for w in ws:
            d.box(x, d.y - th, w, th, 0.5, fill=0.93)
            x += w
        with d.group("TR"):
            x = L
            for (text, _, _), w in zip(cols, ws):
                lines = wrap(text, hs, w - 8, "b")
                with d.leaf("TH", Scope=Name.Column):
                    y = d.y - th / 2 + (len(lines) - 1) * 6.5 - 3.6
                    for line, used in lines:
                        d.line_of_words(x + (w - used) / 2, y, line, hs, "b")
                        y -= 13
                x += w
        d.y -= th
        for n in (1, 2):
            x = L
            for w in ws:
                d.box(x, d.y - tr, w, tr, 0.5)
                x += w
            with d.group("TR"):
                with d.leaf("TD"):
                    d.put(L + ws[0] / 2, d.y - tr + 6, str(n), "r", hs, align="c")
                x = L + ws[0]
                for (text, _, name), w, value in zip(cols[1:], ws[1:], values[n]):
                    with d.group("TD"):
                        d.field("text", "ThanhVien%d_%s" % (n, name),
                                [x + 1.5, d.y - tr + 1.5, x + w - 1.5, d.y - 1.5],
                                "Thành viên %d: %s" % (n, text.lower().replace("\u00a0", " ")), size=hs,
                                q=0 if name == "HoTen" else 1, value=value)
                    x += w
            d.y -= tr

    def check(name, text, value):
        s = 10.5
        d.field("check", name, [L, d.y - 1.5, L + s, d.y - 1.5 + s], text, value=value)
        with d.leaf("P"):
            d.put(L + s + 7, d.y, text, "r", size)

    d.y -= 23
    check("NhanBanDienTu", "Tôi đề nghị nhận kết quả bằng bản điện tử.", True)
    d.y -= 18
    check("CamDoan", "Tôi cam đoan những nội dung kê khai trên là đúng sự thật.", True)

    # The two signature boxes.
    d.y -= 14
    w, h = (d.measure - 14) / 2, 140
    for n, (who, name) in enumerate((("Ý kiến của chủ hộ", None),
                                     ("Người khai", "NGUYỄN VĂN AN"))):
        x, y = L + n * (w + 14), d.y - h
        d.box(x, y, w, h, 0.5, gray=0.35)
        d.centred(x + w / 2, d.y - 16, who, "b", size)
        d.centred(x + w / 2, d.y - 30, "(ký, ghi rõ họ tên)", "i", 11)
        rect = [x + 8, y + 23, x + w - 8, d.y - 37]
        if name:
            d.field("sig", "ChuKyNguoiKhai", rect, "Chữ ký của người khai")
            d.field("text", "HoTenNguoiKy", [x + 8, y + 4, x + w - 8, y + 21],
                    "Họ và tên người khai", size=size, q=1, value=name)
        else:
            d.place("ý kiến của chủ hộ", rect)
    d.y -= h
    if d.y < d.bottom - 6:
        raise ValueError("the form does not fit its page (%.1f)" % d.y)
    finish(d, path, object_streams=False)


# ------------------------------------------------------------ the invoice

def hoa_don(path):
    d = Doc("Hóa đơn giá trị gia tăng số 00000001 (mẫu)",
            "Bản thể hiện của hóa đơn điện tử, dùng để thử ký số",
            "kyso, mẫu, hóa đơn điện tử, hóa đơn giá trị gia tăng, chữ ký số",
            left=18 * MM, right=15 * MM, top=17 * MM, bottom=19 * MM)
    L, R, mid = d.left, d.right, (d.left + d.right) / 2

    # The seller.
    y = d.top - 14
    with d.leaf("P"):
        d.put(L, y, "CÔNG TY TNHH VĂN PHÒNG PHẨM SAO MAI VÍ DỤ", "b", 13.5)
    for text in ("Mã số thuế: *0000000001*",
                 "Địa chỉ: Số 10, đường Ví Dụ, phường Hoa Sen, thành phố Mẫu",
                 "Điện thoại: 0000 000 010        Email: hoadon@saomai.example",
                 "Số tài khoản: 000 000 000 001 – Ngân hàng TMCP Ví Dụ, chi nhánh Hoa Sen"):
        y -= 15.5
        with d.leaf("P"):
            d.line_of_words(L, y, words(runs(text.replace("        ", "\u00a0" * 8))), 11.5)
    y -= 10
    d.rule(L, R, y, 1.1)
    d.rule(L, R, y - 2, 0.4)

    # Title in the middle, series and number on the right.
    y -= 27
    d.centred(mid, y, "HÓA ĐƠN GIÁ TRỊ GIA TĂNG", "b", 17, role="H1")
    d.centred(mid, y - 17, "(Bản thể hiện của hóa đơn điện tử)", "i", 11.5)
    d.centred(mid, y - 34, "Ngày 12 tháng 01 năm 2026", "i", 12)
    for n, (k, v, st) in enumerate((("Ký hiệu:", "1C26TMM", "b"), ("Số:", "00000001", "b"))):
        with d.leaf("P"):
            d.put(R - 104, y - n * 17, k, "r", 11.5)
            d.put(R, y - n * 17, v, st, 11.5, align="r")
    d.centred(mid, y - 50, "Mã của cơ quan thuế: M1-26-00000-00000000000", "r", 10.5)

    # The buyer.
    y -= 66
    d.rule(L, R, y, 0.5)
    y -= 18
    for left, right in (
            ("Họ tên người mua hàng: *Lê Thị Dung*", None),
            ("Tên đơn vị: *CÔNG TY CỔ PHẦN DỊCH VỤ SỐ MẪU ĐƠN*", None),
            ("Mã số thuế: *0000000002*", None),
            ("Địa chỉ: Số 25, phố Minh Họa, phường Cây Đa, thành phố Mẫu", None),
            ("Hình thức thanh toán: Chuyển khoản", "Số tài khoản: 000 000 000 002"),
            ("Đồng tiền thanh toán: VND", "Đơn đặt hàng: DH-2026/0001")):
        with d.leaf("P"):
            d.line_of_words(L, y, words(runs(left)), 12)
        if right:
            with d.leaf("P"):
                d.line_of_words(mid + 10, y, words(runs(right)), 12)
        y -= 17

    goods = [
        ("Giấy in khổ A4, định lượng 80\u00a0g/m²", "Ram", 40, 72000),
        ("Bìa hồ sơ lưu trữ bằng giấy bồi, khổ 240\u00a0×\u00a0325\u00a0mm, có dây buộc", "Cái", 500, 4500),
        ("Kệ tài liệu để bàn, ba ngăn", "Chiếc", 6, 185000),
        ("Hộp mực in laser màu đen, loại 3.000 trang", "Hộp", 4, 690000),
        ("Bút ký mực xanh, ngòi 0,7 mm", "Hộp", 12, 96000),
        ("Dịch vụ giao hàng và lắp đặt tại nơi đặt hàng", "Lần", 1, 350000),
    ]
    rows, total = [], 0
    for n, (name, unit, count, price) in enumerate(goods, 1):
        total += count * price
        rows.append((str(n), name, unit, money(count), money(price), money(count * price)))
    vat = total * 8 // 100
    rows.append([("Cộng tiền hàng:", 5, "r", "b"), (money(total), 1, "r", "b")])
    rows.append([("Thuế suất thuế GTGT: 8%", 2, "l", "r"), ("Tiền thuế GTGT:", 3, "r", "b"),
                 (money(vat), 1, "r", "b")])
    rows.append([("Tổng cộng tiền thanh toán:", 5, "r", "b"), (money(total + vat), 1, "r", "b")])
    rows.append([("Số tiền viết bằng chữ: ~" + amount_in_words(total + vat) + "./.~",
                  6, "l", "r")])
    d.y = y + 5
    widths = [32, 0, 44, 50, 64, 80]
    widths[1] = d.measure - sum(widths)
    table(d, widths, "clcrrr",
          ["STT", "Tên hàng hóa, dịch vụ", "Đơn vị tính", "Số lượng", "Đơn giá", "Thành tiền"],
          rows, size=11.5, sub=["1", "2", "3", "4", "5", "6 = 4 × 5"])

    # Places for the signatures.
    y = d.y - 28
    lx, rx = L + d.measure * 0.25, L + d.measure * 0.75
    d.centred(lx, y, "Người mua hàng", "b", 12)
    d.centred(lx, y - 15, "(Chữ ký số, nếu có)", "i", 11)
    d.centred(rx, y, "Người bán hàng", "b", 12)
    d.centred(rx, y - 15, "(Chữ ký điện tử, chữ ký số)", "i", 11)
    half = d.measure / 2
    d.place("người bán hàng", [rx - half / 2 + 15, y - 105, rx + half / 2 - 15, y - 25])
    d.place("người mua hàng", [lx - half / 2 + 15, y - 105, lx + half / 2 - 15, y - 25])
    d.centred(mid, d.bottom + 2,
              "(Cần kiểm tra, đối chiếu khi lập, giao, nhận hóa đơn)", "i", 10.5)
    finish(d, path, object_streams=True)


# ------------------------------------------------------------ the contract

def hop_dong(path):
    d = Doc("Hợp đồng dịch vụ số 01/2026/HĐDV-MẪU",
            "Hợp đồng hai trang có chỗ cho chữ ký của hai bên",
            "kyso, mẫu, hợp đồng dịch vụ, chữ ký số",
            left=30 * MM, right=18 * MM, top=20 * MM, bottom=22 * MM, folio=2)
    size, leading = 13, 17.2
    heading(d, ["CÔNG TY CỔ PHẦN", "DỊCH VỤ SỐ MẪU ĐƠN"],
            number="Số: 01/2026/HĐDV-MẪU",
            place_date="Thành phố Mẫu, ngày 12 tháng 01 năm 2026", bold=2)
    mid = (d.left + d.right) / 2
    d.y -= 36
    d.centred(mid, d.y, "HỢP ĐỒNG DỊCH VỤ", "b", 15, role="H1")
    d.y -= 18
    d.centred(mid, d.y, "Về việc số hóa và lưu trữ hồ sơ điện tử", "b", 12.5)
    d.y -= 10

    def p(text, **kw):
        kw.setdefault("after", 3)
        kw.setdefault("indent", 28)
        d.para(text, size, leading, **kw)

    def article(n, text):
        if d.y - d.bottom < 7 + 3 * leading:    # no heading alone below
            d.new_page()
        d.para("*Điều\u00a0%d. %s*" % (n, text), size, leading, role="H2", before=5,
               after=2, indent=28)

    for text in ("Căn cứ Bộ luật Dân sự số 91/2015/QH13 ngày 24 tháng 11 năm 2015;",
                 "Căn cứ Luật Thương mại số 36/2005/QH11 ngày 14 tháng 6 năm 2005;",
                 "Căn cứ Luật Giao dịch điện tử số 20/2023/QH15 ngày 22 tháng 6 năm 2023;",
                 "Căn cứ nhu cầu và khả năng của hai bên,"):
        p("~%s~" % text, after=0.5)
    p("Hôm nay, ngày 12 tháng 01 năm 2026, tại thành phố Mẫu, chúng tôi gồm:", before=3)

    def party(role, name, rows):
        d.para("*%s: %s*" % (role, name), size, leading, before=4, after=0.5)
        for left, right in rows:
            d.y -= leading
            with d.leaf("P"):
                d.put(d.left, d.y, left, "r", size)
            if right:
                with d.leaf("P"):
                    d.put(mid + 22, d.y, right, "r", size)

    party("BÊN A (bên thuê)", "CÔNG TY CỔ PHẦN DỊCH VỤ SỐ MẪU ĐƠN", (
        ("Địa chỉ: Số 25, phố Minh Họa, phường Cây Đa, thành phố Mẫu", None),
        ("Mã số thuế: 0000000002", "Điện thoại: 0000 000 020"),
        ("Người đại diện: Ông Phạm Quốc Huy", "Chức vụ: Tổng Giám đốc")))
    party("BÊN B (bên cung ứng)", "CÔNG TY TNHH LƯU TRỮ SỐ VÍ DỤ", (
        ("Địa chỉ: Số 7, đường Giả Định, phường Hoa Sen, thành phố Mẫu", None),
        ("Mã số thuế: 0000000003", "Điện thoại: 0000 000 030"),
        ("Người đại diện: Bà Vũ Thị Lan", "Chức vụ: Giám đốc")))
    p("Hai bên thống nhất ký kết hợp đồng dịch vụ với các điều khoản sau đây:", before=3)

    fee = 96000000
    vat = fee * 8 // 100
    article(1, "Nội dung dịch vụ")
    p("1. Bên B nhận thực hiện việc số hóa 120.000\u00a0trang hồ sơ giấy của Bên A, lập chỉ mục, "
      "kiểm tra chất lượng và lưu trữ bản số hóa trên hệ thống lưu trữ điện tử của Bên B.")
    p("2. Bản số hóa có định dạng PDF, độ phân giải không thấp hơn 300 dpi, được ký số bởi "
      "người có thẩm quyền của Bên B trước khi bàn giao.")
    article(2, "Thời hạn thực hiện")
    p("1. Thời hạn số hóa là 90 ngày, kể từ ngày hợp đồng có hiệu lực; thời hạn lưu trữ là "
      "24\u00a0tháng, kể từ ngày hai bên ký biên bản nghiệm thu.")
    p("2. Việc gia hạn được lập thành phụ lục, ký trước ngày hết hạn ít nhất 15 ngày.")
    article(3, "Giá dịch vụ và phương thức thanh toán")
    p("1. Giá dịch vụ là %s đồng, thuế giá trị gia tăng (8%%) là %s đồng, tổng cộng là "
      "*%s đồng* (bằng chữ: ~%s~)." % (
          money(fee), money(vat), money(fee + vat), amount_in_words(fee + vat)))
    p("2. Bên A thanh toán bằng chuyển khoản thành hai đợt: 40% trong 10 ngày kể từ ngày ký "
      "hợp đồng; 60% còn lại trong 15 ngày kể từ ngày ký biên bản nghiệm thu và nhận được hóa "
      "đơn điện tử hợp lệ.")
    article(4, "Quyền và nghĩa vụ của Bên A")
    p("1. Bàn giao hồ sơ giấy đầy đủ, đúng thời hạn; cử người phối hợp và nghiệm thu.")
    p("2. Yêu cầu Bên B làm lại, không tính thêm chi phí, những bản số hóa không đạt chất "
      "lượng đã thỏa thuận; thanh toán đúng hạn theo Điều\u00a03.")
    article(5, "Quyền và nghĩa vụ của Bên B")
    p("1. Bảo quản nguyên vẹn hồ sơ giấy; hoàn trả đúng hiện trạng sau khi số hóa.")
    p("2. Bảo đảm bản số hóa được lưu trữ toàn vẹn, truy cập được trong suốt thời hạn lưu trữ; "
      "sao lưu tối thiểu tại hai địa điểm khác nhau.")
    article(6, "Bảo mật thông tin")
    p("Hai bên giữ bí mật thông tin, dữ liệu cá nhân có trong hồ sơ; không tiết lộ cho bên thứ "
      "ba khi chưa có sự đồng ý bằng văn bản của bên kia, trừ trường hợp pháp luật có quy định "
      "khác. Nghĩa vụ này tiếp tục có hiệu lực trong 05 năm sau khi hợp đồng chấm dứt.")
    article(7, "Phạt vi phạm và bồi thường thiệt hại")
    p("Bên vi phạm nghĩa vụ chịu phạt 8% giá trị phần nghĩa vụ bị vi phạm và bồi thường thiệt "
      "hại thực tế phát sinh cho bên kia theo quy định của pháp luật.")
    article(8, "Giao kết bằng phương tiện điện tử")
    p("Hợp đồng này được lập dưới dạng hợp đồng điện tử, được người đại diện của hai bên ký "
      "bằng chữ ký số và có giá trị pháp lý như bản giấy. Thời điểm giao kết là thời điểm bên "
      "ký sau cùng ký số, xác định theo dấu thời gian gắn với chữ ký.")
    article(9, "Giải quyết tranh chấp và điều khoản thi hành")
    p("1. Tranh chấp được giải quyết trước hết bằng thương lượng; nếu không thành thì đưa ra "
      "Tòa án nhân dân có thẩm quyền.")
    p("2. Hợp đồng có hiệu lực kể từ thời điểm giao kết; mỗi bên giữ một bản điện tử có giá "
      "trị như nhau.")

    if d.y < d.bottom + 150:
        d.new_page()
    half = d.measure / 2
    y = d.y - 34
    for n, (who, name) in enumerate((("ĐẠI DIỆN BÊN A", "Phạm Quốc Huy"),
                                     ("ĐẠI DIỆN BÊN B", "Vũ Thị Lan"))):
        cx = d.left + half * (n + 0.5)
        d.centred(cx, y, who, "b", 12.5)
        d.centred(cx, y - 15, "(Ký, ghi rõ họ tên, đóng dấu)", "i", 11.5)
        d.centred(cx, y - 110, name, "b", 12.5)
        d.place(who, [cx - half / 2 + 12, y - 94, cx + half / 2 - 12, y - 22])
    finish(d, path, object_streams=False)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    out.mkdir(parents=True, exist_ok=True)
    pikepdf.settings.set_flate_compression_level(9)
    register_fonts()
    to_khai(out / "to-khai-xac-nhan-cu-tru.pdf")
    hoa_don(out / "hoa-don-gtgt.pdf")
    hop_dong(out / "hop-dong-dich-vu.pdf")


if __name__ == "__main__":
    main()
