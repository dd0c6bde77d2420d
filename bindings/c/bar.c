#include "bar.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL 100
#define WIDEST_LINE 100
#define NUMBERS 48 /* room for the figures beside the bar */

static int line_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < WIDEST_LINE ? size.ws_col : WIDEST_LINE;
}

/* "12.3 MiB" */
static void human(char *text, size_t size, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    snprintf(text, size, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

static void figures(const struct bar *bar, char *text, size_t size, uint64_t done, uint64_t total)
{
    int64_t time = bar->painted - bar->began;
    char have[24], all[24], speed[24];
    human(have, sizeof have, (double)done);
    human(all, sizeof all, (double)total);
    human(speed, sizeof speed, time > 0 && done > bar->first ? (double)(done - bar->first) * 1000 / (double)time : 0);
    if (total > 0)
        snprintf(text, size, "%s / %s  %s/s", have, all, speed);
    else
        snprintf(text, size, "%s  %s/s", have, speed);
}

static void draw(const struct bar *bar, uint64_t done, uint64_t total)
{
    static const char full[] = "##################################################" /* 50 */
                               "##################################################";
    char text[80];
    int width = line_width() - 1, cells = width - NUMBERS - 8;
    double part = total > 0 ? (double)(done < total ? done : total) / (double)total : 0;
    figures(bar, text, sizeof text, done, total);
    if (total > 0 && cells >= 10) {
        int marked = (int)(part * cells);
        fprintf(stderr, "\r[%.*s%*s] %3d%%  %s\033[K", marked, full, cells - marked, "", (int)(part * 100), text);
    } else {
        fprintf(stderr, "\r%.*s\033[K", width, text);
    }
    fflush(stderr);
}

void bar_update(struct bar *bar, uint64_t done, uint64_t total)
{
    int64_t time = clock_ms();
    if (bar->began == 0) {
        bar->began = time;
        bar->first = done;
    }
    if (time - bar->painted < INTERVAL)
        return;
    bar->painted = time;
    draw(bar, done, total);
    bar->drawn = true;
}

void bar_clear(struct bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = false;
}
