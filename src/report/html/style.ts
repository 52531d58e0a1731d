/**
 * How a page looks: on a phone and on a wide screen, in light and in dark, on paper, and in colours of the reader's own.
 *
 * @module
 */
import { type Html, html } from "./html.ts";

/** The style sheet, which the page's policy knows by its hash. */
export const STYLE: Html = html`
  :root{color-scheme:light dark;--ground:#f4f6f8;--card:#fff;--line:#d3dae2;--faint:#8793a1;--text:#17202a;
  --quiet:#52606f;--blue:#0a5ab4;--green:#166b32;--red:#b3261e;--amber:#835300;--soft:#c9dcf2}
  @media (prefers-color-scheme:dark){:root{--ground:#0f141a;--card:#182029;--line:#313d4a;--faint:#6f7e8e;
  --text:#e7ecf2;--quiet:#a2b0bf;--blue:#74b4ff;--green:#62cf82;--red:#ff8d84;--amber:#eebb54;--soft:#2a4464}}
  *{box-sizing:border-box}
  html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
  body{margin:0 auto;max-width:80rem;padding:0 1rem 3rem;background:var(--ground);color:var(--text);
  font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
  h1,h2,h3,h4,p,ul,ol,dl,dd{margin:0;padding:0}
  h1{font-size:1.6rem;line-height:1.25}
  h1::first-letter{text-transform:uppercase}
  h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
  h3{font-size:1.05rem}
  h4{font-size:.95rem}
  ul,ol{list-style:none}
  a{color:var(--blue)}
  :focus-visible{outline:3px solid var(--blue);outline-offset:2px;border-radius:2px}
  :target{outline:2px solid var(--blue);outline-offset:3px}
  code,pre{font:.85em/1.5 ui-monospace,monospace}
  .quiet{color:var(--quiet);font-size:.9rem}
  .unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
  .top{border-top:.4rem solid var(--faint);padding:1.25rem 0 0}
  .top.good{border-color:var(--green)}
  .top.bad{border-color:var(--red)}
  .badge{font-weight:700;color:var(--quiet)}
  .good .badge{color:var(--green)}
  .bad .badge{color:var(--red)}
  .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.6rem 1.5rem;margin:.9rem 0}
  dt{color:var(--quiet);font-size:.85rem}
  nav ul,.legend,.chips{display:flex;flex-wrap:wrap;gap:.4rem .6rem}
  nav ul{gap:.25rem 1rem}
  nav a{display:inline-block;padding:.25rem 0}
  .legend{gap:.4rem 1.25rem;margin-bottom:1rem}
  .legend li{display:flex;align-items:center;gap:.4rem}
  .channels,.orders{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;align-items:start}
  .card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;min-width:0}
  .waves{margin-top:.9rem}
  .waves>li{position:relative;border-left:2px solid var(--line);padding:0 0 1.1rem 1.1rem}
  .waves>li::before{content:"";position:absolute;left:-.45rem;top:.35rem;width:.75rem;height:.75rem;border-radius:50%;
  border:2px solid var(--quiet);background:var(--card)}
  .waves>li:last-child{border-color:transparent;padding-bottom:0}
  .waves h4,.beside h4{margin-bottom:.35rem}
  .soak{color:var(--quiet);font-size:.9rem;margin-top:.5rem}
  .beside{margin-top:1rem}
  .m{display:inline-block;flex:none;width:14px;height:14px;border:1.5px solid var(--faint);border-radius:3px;
  font:700 12px/11px ui-monospace,monospace;text-align:center;color:var(--card);vertical-align:-2px;overflow:hidden}
  .m.changed{border:7px solid var(--blue)}
  .m.other{border-color:var(--amber);color:var(--amber)}
  .m.added{border-color:var(--green);color:var(--green)}
  .m.removed{border:1.5px dashed var(--quiet);color:var(--quiet)}
  .m.failed{border-color:var(--red);background:var(--red)}
  .marks{display:flex;flex-wrap:wrap;gap:3px;margin:.3rem 0 .5rem}
  .chip{display:inline-flex;align-items:center;gap:.4rem;max-width:100%;padding:.1rem .55rem .1rem .4rem;
  border:1px solid var(--line);border-radius:1rem;color:var(--text);text-decoration:none;font-size:.9rem}
  .chip bdi{min-width:0}
  a.chip{font-weight:600;border-color:var(--faint)}
  a.chip:hover bdi{text-decoration:underline}
  section>h3{margin:1.25rem 0 .4rem}
  .rows{background:var(--card);border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0}
  .rows li{display:grid;grid-template-columns:minmax(0,17rem) minmax(0,13rem) minmax(0,1fr);gap:.1rem 1rem;padding:.45rem .8rem;
  border-top:1px solid var(--line)}
  .rows li:first-child{border-top:0}
  .rows b{display:flex;gap:.45rem}
  .rows b .m{margin-top:.3rem}
  .rows span{color:var(--quiet);font-size:.9rem}
  .rows small{display:block;color:var(--quiet);font-size:1em}
  summary{cursor:pointer;padding:.35rem 0;color:var(--blue);width:fit-content}
  .lines li{padding:.5rem 0;border-top:1px solid var(--line)}
  .lines li:first-child{border-top:0}
  pre{margin:.5rem 0;padding:.8rem;background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--red);
  border-radius:.3rem;white-space:pre-wrap}
  pre span{display:block;min-height:1.5em}
  .arcs{display:flex;gap:.3rem;margin:.6rem 0}
  .arcs svg{flex:none}
  .arcs ul{min-width:0}
  .arcs li{height:32px;line-height:32px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
  .arcs path{fill:none;stroke:var(--quiet);stroke-width:1.5}
  .arcs .head{fill:var(--quiet);stroke:none}
  .bars li{display:grid;grid-template-columns:minmax(0,14rem) minmax(0,1fr) minmax(0,27rem);gap:.1rem 1rem;align-items:center;padding:.2rem 0}
  .bars b{font-weight:600}
  .bars svg,.span{display:block;max-width:100%}
  .bars rect,.span rect{fill:var(--blue)}
  .span{margin:.6rem 0 0}
  .span .rest{fill:var(--soft)}
  footer{margin-top:3rem;color:var(--quiet);font-size:.9rem}
  @media (max-width:44rem){.rows li{grid-template-columns:minmax(0,1fr)}
  .bars li{grid-template-columns:minmax(0,1fr);padding:.4rem 0}}
  @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
  @media (forced-colors:active){.m.changed{border-color:Highlight}.m.failed{forced-color-adjust:none}
  .arcs path{stroke:CanvasText}.arcs .head,.bars rect,.span rect{fill:CanvasText}.span .rest{fill:GrayText}}
  @media print{:root{--ground:#fff;--card:#fff;--line:#bbb;--faint:#777;--text:#000;--quiet:#444;--blue:#0a5ab4;
  --green:#166b32;--red:#b3261e;--amber:#835300;--soft:#c9dcf2}
  body{max-width:none;padding:0;font-size:10pt}nav{display:none}.m,.top{print-color-adjust:exact}
  .rows li,.waves>li,.bars li,.lines li{break-inside:avoid}h2,h3,h4{break-after:avoid}}
`;
