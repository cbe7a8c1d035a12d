"""How a report's page looks: by day and by night, on a desk and on a telephone."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1d1d1f;--dim:#5f5f66;--line:#dcdce1;--paper:#fff;
--card:#f7f7f9;--s0:#7a1f2b;--s1:#b9771a;--s2:#3f6f8f}
@media (prefers-color-scheme:dark){:root{--ink:#ececf0;--dim:#a6a6af;--line:#3a3a41;
--paper:#161618;--card:#202024;--s0:#d8808b;--s1:#e0b060;--s2:#7fb0d0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem 1rem 3rem;font:16px/1.5 system-ui,sans-serif;
color:var(--ink);background:var(--paper);overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.25rem;line-height:1.3;margin:2.5rem 0 .5rem}
h3{font-size:1rem;margin:1.5rem 0 .25rem}
p{margin:.4rem 0}.dim,figcaption,.none{color:var(--dim);font-size:.9rem}
.facts{display:grid;grid-template-columns:repeat(3,1fr);gap:.75rem;
margin:1rem 0;padding:0}
.facts div{display:flex;flex-direction:column-reverse;justify-content:flex-end;
background:var(--card);border-radius:.6rem;padding:.7rem .9rem}
.facts dd{margin:0;font-size:1.5rem;font-weight:700;line-height:1.2}
.facts dt{color:var(--dim);font-size:.875rem;line-height:1.35}
.warn{border-left:4px solid var(--s1);background:var(--card);border-radius:0 .4rem .4rem 0;
padding:.6rem .9rem;margin:.6rem 0}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 2rem}
.chart{margin:.75rem 0 0}.plot{display:grid;grid-template-columns:auto 1fr;column-gap:.5rem}
.plot svg{width:100%;height:10rem;display:block;border-bottom:1px solid var(--line);
background:linear-gradient(var(--line) 1px,transparent 1px) 0 0/100% 50%}
.scale{position:relative;color:var(--dim);font-size:.8rem;line-height:1}
.scale em{visibility:hidden;font-style:normal}
.scale span{position:absolute;right:0;transform:translateY(50%)}
.axis{grid-column:2;position:relative;height:1.5rem;color:var(--dim);font-size:.8rem}
.axis span{position:absolute;top:.25rem;white-space:nowrap}
.axis.mid span{transform:translateX(-50%)}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}
.key{font-size:.9rem}.key i{display:inline-block;width:.8em;height:.8em;border-radius:.15em;
margin:0 .4em 0 0}.key span{margin-right:1.25em;white-space:nowrap}
.key .s0{background:var(--s0)}.key .s1{background:var(--s1)}.key .s2{background:var(--s2)}
.shares{list-style:none;margin:.5rem 0;padding:0}
.shares li{display:grid;grid-template-columns:1fr auto;gap:0 1rem;padding:.3rem 0}
.shares i{grid-column:1/-1;height:.4rem;border-radius:.2rem;background:var(--s0);min-width:2px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.35rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
thead th{color:var(--dim);font-weight:600;vertical-align:bottom}tbody th{font-weight:400}
.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
tbody th,td:not(.n){overflow-wrap:anywhere}
summary{cursor:pointer;padding:.65rem 0;min-height:2.75rem;color:var(--dim)}
details.letter{border-bottom:1px solid var(--line)}details.letter summary{color:var(--ink)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem;background:var(--card);
border-radius:.4rem;padding:.75rem;margin:0 0 .75rem}
@media (max-width:48rem){
h2{margin-top:2rem}.facts{grid-template-columns:1fr 1fr;gap:.5rem}.facts dd{font-size:1.25rem}
.plot svg{height:8rem}.axis span:nth-child(even){display:none}
.cards,.cards tbody{display:block}.cards thead{position:absolute;clip-path:inset(50%);width:1px;
height:1px;overflow:hidden}
.cards tr{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.2rem .75rem;
padding:.7rem 0;border-bottom:1px solid var(--line)}
.cards th,.cards td{display:block;border:0;padding:0;text-align:left;white-space:normal}
.cards tbody th{grid-column:1/-1;font-weight:600}.cards .w{grid-column:1/-1}.cards .o{display:none}
.cards td::before{content:attr(data-l);display:block;color:var(--dim);font-size:.8rem}
}
"""
