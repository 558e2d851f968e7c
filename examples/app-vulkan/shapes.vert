#version 450
/* One triangle that covers the picture: positions from -1 to 1 reach the fragment shader. */
layout(location = 0) out vec2 position;

void main()
{
    position = vec2((gl_VertexIndex << 1) & 2, gl_VertexIndex & 2) * 2.0 - 1.0;
    gl_Position = vec4(position, 0.0, 1.0);
}
