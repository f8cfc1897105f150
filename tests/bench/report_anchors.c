#include "report_anchors.h"

const struct anchor anchors[] = {
	{ "NBIS 5.0.0 (mindtct, bozorth3)",
	  { { 14.1, 28.9, 38.2 }, { 9.59, 16.6, 22.8 }, { 3.73, 5.6, 9.7, 13.5 } } },
	{ "SourceAFIS 3.18.1",
	  { { 12.5, 17.5, 22.5 }, { 6.87, 10.0, 13.5 }, { 3.82, 5.2, 9.0, 12.2 } } },
	{ "MCC LSS-R on mindtct",
	  { { 15.0, 26.4, 40.0 }, { 6.96, 11.2, 20.0 }, { 2.78, 3.8, 8.7, 13.9 } } },
	{ "OpenAFIS",
	  { { 11.9, 22.1, 29.3 }, { 12.7, 22.3, 30.1 }, { 6.5, 12.5, 18.8, 33.0 } } },
	{ "SourceAFIS + MCC + NBIS fused",
	  { { 11.4, 16.4, 20.7 }, { 5.89, 8.6, 10.9 }, { 1.74, 1.7, 3.8, 6.6 } } },
};
const size_t anchors_count = sizeof(anchors) / sizeof(anchors[0]);

const struct anchor_time anchor_times[] = {
	{ "NBIS 5.0.0", "15-25 ms", "0.5-1.1 ms", "-", "-", "300 B", 0, 0 },
	{ "SourceAFIS 3.18.1", "29-34 ms", "91-111 us", "-", "-", "10 000 B", 0, 0 },
	{ "OpenAFIS", "-", "22-31 us", "2.4 s", "25.9 s", "1 000 B", 2400, 25900 },
};
const size_t anchor_times_count = sizeof(anchor_times) / sizeof(anchor_times[0]);
