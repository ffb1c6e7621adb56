#!/usr/bin/env node
import "../dist/relay/bin.js";
