/* Written by "pillow.py table" with Pillow 9.4.0: hashes of resized synthetic images. */
static const struct {
    int width, height, to_width, to_height;
    uint64_t hash[2]; /* bilinear, bicubic */
} pillow_table[] = {
    {64, 64, 224, 224, {0x9dedfa2442aef358u, 0xa086f0c035772d6bu}},
    {105, 105, 224, 224, {0xb9595176629024cau, 0x0875c59ee568d84au}},
    {32, 32, 224, 224, {0x7be0d64576836091u, 0xfe71f980d4615834u}},
    {171, 128, 96, 96, {0xb3e2e8fecdb50bf2u, 0x569c1a90e9205d01u}},
    {128, 193, 64, 224, {0xb7111afac7ef665eu, 0x030a11f62a6ee489u}},
    {300, 40, 37, 61, {0x2903790b2ca3f44cu, 0xa7beb9895f992643u}},
    {50, 70, 50, 31, {0x1abe87169dae4869u, 0x978cb30ae98b5c78u}},
    {50, 70, 23, 70, {0x1c8a71353d1b3f6bu, 0x73805ba66c51122fu}},
    {1, 1, 5, 3, {0x0c8b163c28b25da6u, 0x0c8b163c28b25da6u}},
    {1, 9, 4, 2, {0xb7d4b6a067f48141u, 0xc21a2017edf526d1u}},
    {257, 131, 1, 1, {0xa2b034196ea4c42fu, 0xa2b033196ea4c27cu}},
    {640, 480, 32, 32, {0xc897e62c8381e6c1u, 0x9a7d478056d11ce4u}},
    {33, 17, 34, 18, {0x8b76e5757c4ca1b1u, 0x2eb613aeb78fc56bu}},
};
