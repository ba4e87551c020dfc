// SPDX-License-Identifier: MIT
// curses.h. Left out, because containers, ranges and pools have members of these names and calls of
// them stand in these headers: clear(), erase() and move(). Who includes curses.h with its macros
// before them needs NCURSES_NOMACROS, as for <vector>.
#define timeout(delay) wtimeout(stdscr, delay)
#define notimeout(w, f) 0
#define refresh() wrefresh(stdscr)
#define addch(ch) waddch(stdscr, ch)
#define addstr(str) waddnstr(stdscr, str, -1)
#define getch() wgetch(stdscr)
#define inch() winch(stdscr)
#define insch(c) winsch(stdscr, c)
#define insertln() winsdelln(stdscr, 1)
#define delch() wdelch(stdscr)
#define deleteln() winsdelln(stdscr, -1)
#define border(ls, rs, ts, bs, tl, tr, bl, br) wborder(stdscr, ls, rs, ts, bs, tl, tr, bl, br)
#define box(w, v, h) wborder(w, v, v, h, h, 0, 0, 0, 0)
#define scroll(w) wscrl(w, 1)
#define setscrreg(t, b) wsetscrreg(stdscr, t, b)
#define hline(c, n) whline(stdscr, c, n)
#define vline(c, n) wvline(stdscr, c, n)
#define instr(s) winnstr(stdscr, s, -1)
#define standend() 0
#define standout() 0
#define attron(at) wattron(stdscr, at)
#define attroff(at) wattroff(stdscr, at)
#define bkgd(c) wbkgd(stdscr, c)
#define chgat(n, a, c, o) wchgat(stdscr, n, a, c, o)
#define clrtobot() wclrtobot(stdscr)
#define clrtoeol() wclrtoeol(stdscr)
#define touchline(w, s, c) wtouchln((w), s, c, 1)
#define touchwin(w) wtouchln((w), 0, getmaxy(w), 1)
#define getyx(w, y, x) (y = getcury(w), x = getcurx(w))
#define redrawwin(w) wredrawln(w, 0, -1)
#define OK (0)
#define ERR (-1)
