#include "common/report_style.h"

#include <stddef.h>

/* Texts have a contrast of 4.5 or more on what is behind them, lines of 3. Paper gets the light
 * colours. The lines of the drawings keep their width whatever the page stretches. */
const char *const report_style[] = {
    ":root{color-scheme:light;--ground:#fff;--text:#1c2024;--dim:#59626b;--line:#d3d9de;"
    "--first:#1b5fb8;--second:#b3440a;--right:#d3ead6;--w1:#fdecdf;--w2:#fbd3b5;--w3:#f6b184;"
    "--w4:#ef8d55}",
    "@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--ground:#15181b;"
    "--text:#e7eaed;--dim:#a3adb6;--line:#3a4148;--first:#79b0ff;--second:#ffab70;"
    "--right:#1f4429;--w1:#3a291c;--w2:#573518;--w3:#774310;--w4:#944d08}}",
    "*{box-sizing:border-box}",
    "body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--ground);color:var(--text);"
    "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}",
    "h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}",
    "h2{font-size:1.2rem;margin:2.2rem 0 .6rem;break-after:avoid}",
    "p{margin:.4rem 0}",
    ".lede b{font-size:1.25rem}",
    ".dim,caption{color:var(--dim)}",
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}",
    "caption{text-align:left;padding:.3rem 0;white-space:normal}",
    ".unseen{position:absolute;width:1px;height:1px;padding:0;overflow:hidden;"
    "clip-path:inset(50%)}",
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--line)}",
    "th{font-weight:600}",
    ".facts th,.facts td{text-align:left;vertical-align:top}",
    ".facts th{padding-left:0;font-weight:400;color:var(--dim);overflow-wrap:normal}",
    ".names{overflow-wrap:normal}",
    ".names td:first-child,.names .name{text-align:left;overflow-wrap:anywhere}",
    ".scroll{overflow-x:auto;max-width:100%}",
    ".scroll:focus-visible,summary:focus-visible{outline:2px solid var(--first)}",
    ".scroll table{overflow-wrap:normal;white-space:nowrap}",
    /* the curves */
    ".plots{display:grid;gap:1.5rem 2rem;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}",
    "figure{margin:0;min-width:0;break-inside:avoid}",
    ".legend{display:flex;flex-wrap:wrap;gap:0 1.2rem;font-size:.9rem}",
    ".legend svg{width:32px;height:10px;overflow:visible}",
    ".frame{position:relative;height:15rem;margin:1.6rem .6rem 1.5rem 3.4rem;font-size:.8rem;"
    "line-height:1;border:solid var(--dim);border-width:0 0 1px 1px}",
    ".frame svg{position:absolute;width:100%;height:100%;overflow:visible}",
    ".frame span{position:absolute;white-space:nowrap}",
    ".frame .y{right:100%;margin-right:.4rem;transform:translateY(50%)}",
    ".frame .x{top:100%;margin-top:.35rem;transform:translateX(-50%)}",
    ".frame .over{bottom:100%;margin-bottom:.35rem}",
    ".below{text-align:center;font-size:.8rem;margin:0}",
    "path{fill:none;vector-effect:non-scaling-stroke}",
    ".grid{stroke:var(--line)}",
    ".mark{stroke:var(--text);stroke-dasharray:2 3}",
    ".first,.second{stroke-width:2px;stroke-linejoin:round}",
    ".first{stroke:var(--first)}",
    ".second{stroke:var(--second);stroke-dasharray:6 4}",
    ".dots{stroke-width:6px;stroke-dasharray:none}",
    ".first.dots{stroke-linecap:round}",
    ".second.dots{stroke-linecap:square}",
    /* which class was read as which */
    ".matrix{font-size:.85rem}",
    ".matrix caption{max-width:calc(100vw - 2rem)}",
    ".matrix th,.matrix td{padding:.25rem .4rem;min-width:1.9rem}",
    ".matrix td,.matrix thead th{border:1px solid var(--line)}",
    ".matrix thead th{text-align:center;vertical-align:bottom}",
    ".matrix .tall{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left}",
    ".matrix tbody th,.matrix tfoot th{position:sticky;left:0;background:var(--ground)}",
    ".matrix .corner{font-weight:400;color:var(--dim);border:0}",
    ".right{background:var(--right);font-weight:700}",
    ".w1{background:var(--w1)}.w2{background:var(--w2)}.w3{background:var(--w3)}"
    ".w4{background:var(--w4)}",
    ".map{display:block;width:min(100%,32rem);border:1px solid var(--dim);"
    "image-rendering:pixelated}",
    /* misread pictures */
    ".grid-of-pictures{display:grid;gap:1rem .8rem;padding:0;margin:.6rem 0;list-style:none;"
    "grid-template-columns:repeat(auto-fill,minmax(8rem,1fr))}",
    ".grid-of-pictures img{display:block;width:7rem;height:7rem;object-fit:contain;"
    "background:#000;border:1px solid var(--line);image-rendering:pixelated}",
    ".grid-of-pictures figcaption{font-size:.85rem;line-height:1.35;margin-top:.3rem}",
    "summary{cursor:pointer;padding:.3rem 0}",
    "@media(max-width:30rem){.matrix{font-size:.75rem}.matrix th,.matrix td{padding:.2rem .25rem;"
    "min-width:1.6rem}.grid-of-pictures{grid-template-columns:repeat(auto-fill,minmax(6.5rem,1fr))}"
    ".grid-of-pictures img{width:6rem;height:6rem}}",
    "@media print{body{max-width:none;padding:0;font-size:10pt}.scroll{overflow:visible}"
    ".right,.w1,.w2,.w3,.w4,img{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "tr,li,.matrix{break-inside:avoid}h2+p{break-after:avoid}.plots{grid-template-columns:1fr 1fr}"
    ".frame{height:11rem}.epochs:not(:has([open])){display:none}}",
    NULL,
};
