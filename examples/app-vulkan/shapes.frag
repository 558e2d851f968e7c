#version 450
/* A disc, a square or a triangle on a striped background. */
layout(push_constant) uniform Scene
{
    vec4 ink, paper;    /* colours */
    vec2 centre;        /* from -1 to 1 */
    float size, turn;   /* radius; radians */
    uint shape;         /* 0 disc, 1 square, 2 triangle */
    float stripes;      /* of the background, across the picture */
} scene;
layout(location = 0) in vec2 position;
layout(location = 0) out vec4 colour;

/* Signed distances to the outline, negative inside. */
float square(vec2 p, float r)
{
    vec2 d = abs(p) - 0.8 * r;
    return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0);
}

/* Equilateral, as the intersection of three half planes. */
float triangle(vec2 p, float r)
{
    float lower = -p.y;
    float left = dot(p, vec2(-0.8660254, 0.5)), right = dot(p, vec2(0.8660254, 0.5));
    return max(max(left, right), lower) - 0.5 * r;
}

void main()
{
    float c = cos(scene.turn), s = sin(scene.turn);
    vec2 p = mat2(c, -s, s, c) * (position - scene.centre);
    float distance = scene.shape == 0u   ? length(p) - scene.size
                     : scene.shape == 1u ? square(p, scene.size)
                                         : triangle(p, 1.2 * scene.size);
    float stripe = 0.08 * sin(scene.stripes * (position.x + 0.6 * position.y));
    vec4 ground = scene.paper + vec4(stripe, stripe, stripe, 0.0);
    colour = mix(scene.ink, ground, smoothstep(-0.02, 0.02, distance));
}
